"""Documents that mean the same."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datacurate.core.phase import Size, by, each, once
from datacurate.core.stage import one_array, with_columns
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages.dedup import _index, _rows
from datacurate.stages.dedup._base import CHOICE, about, prints, removed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from datacurate.core.store import Parts

CLUSTER = 8800
"""Documents per cluster when `clusters` is null. SemDeDup made 50,000 clusters of 440 million images (section 3.1)."""
POINTS = 64
"""Documents per cluster that k-means learns from. FAISS, which SemDeDup used, wants 39 and takes at most 256
(faiss/Clustering.h, min_points_per_centroid and max_points_per_centroid). All of them are in one task: with 384
dimensions they take 5.6 bytes per document."""
SLICE_BYTES = 128 << 20
"""Source files per slice: with 1 KB per document in the file and 384 dimensions, a slice takes some 110 MB."""
SLICES = 16
"""Slices of a small input, so that all cores have work."""
PARTS = 16
"""Tasks that put vectors of other datasets into clusters; each has a copy of the centroids."""

EMBEDDING = ("model", "max_tokens", "half_precision")
"""The fields that vectors depend on: with another threshold, or other clusters, nothing is embedded again."""


def number_of_slices(stage: Semantic, size: Size) -> list[tuple[int]]:
    """One key, the number of slices."""
    return [(max(SLICES, -(-size.bytes // SLICE_BYTES)),)]


def slices(stage: Semantic, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    ((count,),) = number_of_slices(stage, size)
    return [(number,) for number in range(count)]


def index_slices(stage: Semantic, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that put vectors of other datasets into clusters."""
    return [(number,) for number in range(PARTS)]


class Semantic(_index.IndexedDedup):
    """Keep one document of all that mean the same, as a model of sentences sees it.

    Paraphrases and reworked versions share few runs of words, so that `minhash` does not see them. A local model turns
    the first `max_tokens` tokens of every document into a vector, k-means puts vectors into clusters, and a document is
    removed when its cosine with one of its cluster that is kept is at least `threshold`: never for resembling one that
    goes itself, which SemDeDup's code removes, too. What follows after `max_tokens` is not compared: documents that
    begin alike for that long are alike. Documents that the model cannot read (`max_unknown`), and very short ones, are
    all kept. Package extra `semantic`; a GPU is used when there is one.
    SemDeDup (Abbas et al. 2023, arXiv:2303.09540, section 3; facebookresearch/SemDeDup).
    """

    version: ClassVar[int] = 3

    rule: ClassVar[str] = "semantic_duplicate"

    model: str
    """Folder of a model that sentence-transformers saved, such as all-MiniLM-L6-v2. Models of one language see less
    difference between texts of others: take one that knows the languages of the documents."""
    max_tokens: Positive | None = None
    """Tokens of a document that the model reads, from its beginning; null: what the model was made for (256 for
    all-MiniLM-L6-v2). At most its first 16 characters per token are looked at."""
    half_precision: bool = False
    """Whether the model calculates in 16-bit floats (bfloat16): 2.6 times as fast on a processor with AMX, 4
    times as slow on one that has AVX2 only. It moved the cosines of 40 documents by up to 0.004."""
    threshold: Fraction = 0.95
    """Least cosine with the survivor that a removal needs; SemDeDup's 1 - eps. It belongs to the model. Of 2.6 million
    pairs of documents on different subjects, the most alike had 0.911 with all-MiniLM-L6-v2; 0.9 finds more paraphrases
    (docs/how-to/semantic.md)."""
    clusters: Positive | None = None
    """Clusters of k-means. Only documents of one cluster are compared. null: one for every 8,800 documents, SemDeDup's
    measure (440 million in 50,000), so that fewer are all compared."""
    max_unknown: Fraction = 0.1
    """Largest share of tokens unknown to the model in a document that is compared. Vectors of what a model does not
    know say nothing: of Debian's pages in Chinese, all-MiniLM-L6-v2 does not know 43 % of the tokens, in Japanese 11 %,
    in languages with alphabets at most 1 %."""
    min_tokens: Count = 5
    """Fewest tokens of a document that is compared; `minhash` keeps documents of fewer than 5 words."""
    keep: Literal["first", "longest", "newest", "best", "hard", "easy"] = "longest"  # type: ignore[assignment]
    """Which document survives: `first` to `best` as in `minhash`, or SemDeDup's choice, `hard`, the one farthest from
    the centre of its cluster (which_to_keep in semdedup_configs.yaml), or `easy`, the nearest; among equals the least
    id."""

    def files(self) -> list[str]:
        """The model's files; InputError when the package or the model is missing."""
        from datacurate.stages import _embeddings

        _embeddings.check_package()
        return _embeddings.model_files(self.model, self.max_tokens)

    @each(gpus=1, uses=EMBEDDING, over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The vector and id of every document of another dataset that has text."""
        embed = self._embedded(docs)
        some = np.flatnonzero(_rows.numpy(embed, "tokens"))
        return with_columns(
            embed.select(["vector", "tokens", "unknown"]).take(some),
            {
                "part": _index.slice_of(_rows.numpy(embed, "lot")[some]).astype(np.int32),
                "id": docs["id"].cast("large_string").take(some),
                "dataset": _rows.table(name=(np.repeat(dataset, len(some)), "large_string"))["name"],
            },
        )

    @each(gpus=1, uses=EMBEDDING)
    def embed(self, docs: pa.Table) -> pa.Table:
        """The vector of every document, its number of tokens, how many of them the model does not know, and its lot.

        A lot is a hash of the id: it decides from which documents k-means learns, however they are spread.
        """
        return self._embedded(docs)

    def _embedded(self, docs: pa.Table) -> pa.Table:
        from datacurate.kernels import content, vectors
        from datacurate.stages import _embeddings

        model = _embeddings.embedder(self.model, self.max_tokens, self.half_precision)
        ids = [model.tokens(text or "") for text in docs["text"].to_pylist()]
        known = np.array([model.known(one) for one in ids], dtype=np.int32).reshape(-1, 2)
        made = iter(vectors.whole(model.vectors([one for one, (tokens, _) in zip(ids, known, strict=True) if tokens])))
        values = [next(made).tobytes() if tokens else None for tokens, _ in known.tolist()]
        return _rows.table(
            vector=(values, "large_binary"),
            tokens=(known[:, 0], "int32"),
            unknown=(known[:, 1], "int32"),
            lot=(content.digests(one_array(docs["id"]))[0][:, 0], "uint64"),
        )

    @each(uses=("max_unknown", "min_tokens"))
    def lots(self, embed: pa.Table) -> pa.Table:
        """The lots of the documents that are compared."""
        return _rows.table(lot=(_rows.numpy(embed, "lot")[self._compared(embed)], "uint64"))

    @by("slices", keys=number_of_slices, uses=())
    def dealt(self, slices: int) -> pa.Table:
        """The number of slices."""
        return _rows.table(slices=([slices], "int64"))

    @once(uses=("clusters",))
    def draw(self, lots: pa.Table, dealt: pa.Table) -> pa.Table:
        """How many clusters, and the highest lot with which a document is in the sample."""
        lot = _rows.numpy(lots, "lot")
        clusters = self.clusters or max(1, -(-len(lot) // CLUSTER))
        size = clusters * POINTS
        last = np.iinfo(np.uint64).max if size >= len(lot) else np.partition(lot, size - 1)[size - 1]
        return _rows.table(
            clusters=([clusters], "int64"), last=([last], "uint64"), slices=(_rows.numpy(dealt, "slices"), "int64")
        )

    @each(uses=("max_unknown", "min_tokens"))
    def sample(self, embed: pa.Table, draw: pa.Table) -> pa.Table:
        """The vectors that k-means learns from."""
        lot = _rows.numpy(embed, "lot")
        chosen = np.flatnonzero(self._compared(embed) & (lot <= _rows.numpy(draw, "last")[0]))
        return _rows.table(lot=(lot[chosen], "uint64"), vector=(embed["vector"].take(chosen), "large_binary"))

    def _compared(self, embed: pa.Table) -> np.ndarray:
        """Which documents are long enough, in words that the model knows."""
        tokens, unknown = _rows.numpy(embed, "tokens"), _rows.numpy(embed, "unknown")
        return (tokens >= max(1, self.min_tokens)) & (unknown <= self.max_unknown * tokens)

    @once(uses=())
    def centroids(self, sample: pa.Table, draw: pa.Table) -> pa.Table:
        """The centres of the clusters. The order of lots, not of documents, is where k-means starts."""
        from datacurate.kernels import vectors

        found = _matrix(sample)[np.argsort(_rows.numpy(sample, "lot"), kind="stable")]
        made = vectors.kmeans(found, int(_rows.numpy(draw, "clusters")[0]))
        return _rows.table(vector=([vector.tobytes() for vector in made], "large_binary"))

    @each(uses=CHOICE)
    def members(self, docs: pa.Table, rows: np.ndarray) -> pa.Table:
        """What decides which document stays."""
        return _rows.table(
            row=(np.asarray(rows, dtype=np.uint64), "uint64"),
            **about(docs),
            **self.standing(docs),
            **prints(docs),
        )

    def _worth(self, docs: pa.Table) -> Any:
        return np.zeros(docs.num_rows) if self.keep in ("hard", "easy") else super()._worth(docs)

    @each(uses=("max_unknown", "min_tokens", "keep"))
    def clustered(self, members: pa.Table, embed: pa.Table, centroids: pa.Table, draw: pa.Table) -> pa.Table:
        """The documents that are compared, with their clusters."""
        from datacurate.kernels import vectors

        compared = np.flatnonzero(self._compared(embed))
        members, embed = members.take(compared), embed.take(compared)
        cluster, central = vectors.nearest(_matrix(embed), _matrix(centroids))
        worth = {"hard": -central, "easy": central}.get(self.keep)
        return with_columns(
            members if worth is None else with_columns(members, {"worth": worth}),
            {
                "slice": (cluster % _rows.numpy(draw, "slices")[0]).astype(np.int32),
                "cluster": cluster,
                "vector": embed["vector"],
            },
        )

    @once(uses=(), streams=("index",))
    def copied(self, centroids: pa.Table, draw: pa.Table, index: Parts) -> Iterator[pa.Table]:
        """The centroids, once for every task that puts vectors of other datasets into clusters."""
        slices = int(_rows.numpy(draw, "slices")[0])
        for part in range(PARTS):
            count = centroids.num_rows
            yield _rows.table(
                part=(np.full(count, part), "int32"),
                slices=(np.full(count, slices), "int64"),
                vector=(centroids["vector"], "large_binary"),
            )

    @by("part", keys=index_slices, uses=("max_unknown", "min_tokens"), streams=("index",))
    def others(self, part: int, copied: pa.Table, index: Parts) -> Iterator[pa.Table]:
        """A part of the documents of other datasets, put into this run's clusters."""
        from datacurate.kernels import vectors

        yield _others(np.zeros(0, np.int64), 1, [], [])
        mine = [(number,) for number in range(part, _index.SLICES, PARTS)]
        for piece in index.only(mine) if copied.num_rows else ():
            piece = piece.take(np.flatnonzero(self._compared(piece)))
            if piece.num_rows:
                cluster, _ = vectors.nearest(_matrix(piece), _matrix(copied))
                slices = int(_rows.numpy(copied, "slices")[0])
                yield _others(cluster, slices, piece["vector"], _index.named(piece["id"], piece["dataset"]))

    @by("slice", keys=slices, uses=("threshold", "keep"), shardwise=True, streams=("others",))
    def verdict(self, clustered: pa.Table, others: Parts | None = None) -> pa.Table:
        """The documents that are as good as one of another dataset, or else as a survivor of their cluster."""
        import pyarrow as pa

        gone, survivors, similarities = _held(clustered, others, self.threshold)
        there = removed(clustered, gone, survivors, similarities)
        left = np.ones(clustered.num_rows, bool)
        left[gone] = False
        return pa.concat_tables([there, self._stars(clustered.filter(left))])

    def _stars(self, clustered: pa.Table) -> pa.Table:
        """The documents that have a survivor in their cluster, with that and their cosine."""
        from datacurate.kernels import vectors

        order = self.order(clustered)
        order = order[np.argsort(_rows.numpy(clustered, "cluster")[order], kind="stable")]
        cluster = _rows.numpy(clustered, "cluster")[order]
        survivors = np.full(len(order), -1, dtype=np.int64)
        similarities = np.zeros(len(order), dtype=np.float64)
        for first, last in pairwise(np.flatnonzero(np.diff(cluster, prepend=-1, append=-1))):
            mine = order[first:last]
            found, similarities[mine] = vectors.stars(_matrix(clustered.take(mine)), self.threshold)
            survivors[mine] = np.where(found < 0, -1, mine[found])
        gone = np.flatnonzero(survivors >= 0)
        return removed(clustered, gone, survivors[gone], similarities[gone])

    def warm(self) -> None:
        """Load the model."""
        from datacurate.stages import _embeddings

        _embeddings.embedder(self.model, self.max_tokens, self.half_precision)


def _matrix(table: pa.Table) -> np.ndarray:
    """The vectors of a table without nulls, one row each."""
    from datacurate.kernels.arrow import bytes_and_offsets

    data, offsets = bytes_and_offsets(table["vector"])
    return data[offsets[0] : offsets[-1]].view(np.int16).reshape(table.num_rows, -1 if table.num_rows else 1)


def _others(cluster: np.ndarray, slices: int, vector: Any, survivor: Any) -> pa.Table:
    return _rows.table(
        slice=((cluster % slices).astype(np.int32), "int32"),
        cluster=(cluster, "int64"),
        vector=(vector, "large_binary"),
        survivor=(survivor, "large_string"),
    )


def _held(clustered: pa.Table, others: Parts | None, threshold: float) -> tuple[np.ndarray, Any, np.ndarray]:
    """`(positions, survivors, cosines)` of the documents that one of another dataset is as good as.

    The survivor is the most alike of its cluster, among equals that with the least name: pieces may come in any order.
    """
    import pyarrow as pa

    from datacurate.kernels import vectors

    cluster = _rows.numpy(clustered, "cluster")
    best = np.full(len(cluster), -np.inf)
    names: dict[int, str] = {}
    for piece in others or ():
        piece = piece.sort_by("survivor").combine_chunks()
        theirs = _rows.numpy(piece, "cluster")
        for number in np.intersect1d(cluster, theirs):
            mine, other = np.flatnonzero(cluster == number), np.flatnonzero(theirs == number)
            which, value = vectors.nearest(_matrix(clustered.take(mine)), _matrix(piece.take(other)))
            for at in np.flatnonzero((value >= threshold) & (value >= best[mine])).tolist():
                name = piece["survivor"][int(other[which[at]])].as_py()
                place = int(mine[at])
                if value[at] > best[place] or name < names[place]:
                    best[place], names[place] = value[at], name
    gone = np.array(sorted(names), np.int64)
    return gone, pa.array([names[place] for place in gone.tolist()], pa.large_string()), best[gone]

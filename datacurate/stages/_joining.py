"""What stages share that put several documents into one: texts travel to where their group is, and back as one text.

The document that comes first keeps its id and its place and gets the joined text; the others are merged into it. The
column `joined` has the ids of all of them in the order of the text. Which documents are joined depends on ids, texts
and columns alone, never on shards or workers. Documents of different sources are never joined: the shares of a mixture
would move.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from datacurate.core.phase import Size
from datacurate.core.stage import Outcome, Removed, Stage, one_array, with_columns
from datacurate.core.task import SHARD_BITS
from datacurate.stages._columns import field_of
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "joined"
MOST_BYTES = 1 << 28
"""The longest text that can be asked for: a batch of some of them must fit into memory."""


class Bundle(NamedTuple):
    """Documents that become one."""

    members: list[int]
    """Rows of the gathered table, in the order of the text; the first one survives."""
    text: str
    pieces: list[tuple[str | None, int, int]] | None = None
    """How the mixture reads it (`mixture/pieces.py`); None: as it is."""


def slices(stage: Stage, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that groups are spread over."""
    return [(number,) for number in range(_rows.spread(size))]


def hashes(texts: Iterable[str], salt: str) -> np.ndarray:
    """64-bit hash of each text."""
    from datacurate.mixture import draw

    return draw.hashes(list(texts), salt)


def values(docs: pa.Table, name: str) -> Any:
    """A column, or what documents have under a key of one (`meta.repo` of structs or of JSON objects), as one array."""
    import pyarrow as pa

    column, _, key = name.partition(".")
    kind = docs.schema.field(column).type if column in docs.schema.names else None
    if name in docs.schema.names or kind is None or pa.types.is_struct(kind):
        found = field_of(docs, name)
        return pa.nulls(docs.num_rows) if found is None else one_array(found)
    return pa.array([_under(text, key) for text in docs[column].to_pylist()], pa.string())


def _under(text: str | None, key: str) -> str | None:
    """The text or number under a key of a JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    value = found.get(key) if isinstance(found, dict) else None
    return str(value) if isinstance(value, str | int | float) else None


def gathered(
    docs: pa.Table, rows: np.ndarray, size: Size, group: np.ndarray, some: np.ndarray, **more: tuple
) -> pa.Table:
    """The table of documents `some`, dealt to slices by the hash of their group, with what joining needs of them."""
    import pyarrow as pa

    from datacurate.kernels import firsts

    docs = docs.take(pa.array(some))
    ids = docs["id"].to_pylist()
    before = docs[COLUMN].to_pylist() if COLUMN in docs.schema.names else [None] * len(ids)
    return _rows.table(
        slice=((group[some] >> np.uint64(20)) % np.uint64(_rows.spread(size)), "int32"),
        group=(group[some], "uint64"),
        row=(np.asarray(rows, np.uint64)[some], "uint64"),
        id=(docs["id"], "large_string"),
        print=(firsts.ranks(docs["id"], docs["text"]), "uint64"),
        text=(one_array(docs["text"]).fill_null(""), "large_string"),
        **more,
    ).append_column("ids", pa.array([b or [i] for b, i in zip(before, ids, strict=True)], pa.list_(pa.string())))


def groups(table: pa.Table, *then: str) -> Iterator[np.ndarray]:
    """Rows of each group, in the order of the columns in `then`, then of ids; those that repeat by what texts say."""
    keys = [(name, "ascending") for name in ("group", *then, "id", "print")]
    import pyarrow.compute as pc

    order = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)
    if not len(order):
        return
    of = _rows.numpy(table, "group")[order]
    yield from np.split(order, np.flatnonzero(of[1:] != of[:-1]) + 1)


def piles(sizes: list[int], most: int, between: int) -> Iterator[tuple[int, int]]:
    """Stretches `[begin, end)` of consecutive sizes whose sum, with what stands between, is at most `most`.

    What is larger alone makes a stretch of its own.
    """
    begin, held = 0, 0
    for at, one in enumerate(sizes):
        if at > begin and held + between + one > most:
            yield begin, at
            begin, held = at, 0
        held += one + (between if at > begin else 0)
    if sizes:
        yield begin, len(sizes)


def verdict(table: pa.Table, bundles: Iterable[Bundle]) -> pa.Table:
    """The shardwise table `united` of a slice: what becomes of every document that is in a bundle."""
    import pyarrow as pa

    from datacurate.mixture import pieces

    ids, held = table["id"].to_pylist(), table["ids"]
    row = _rows.numpy(table, "row")
    made: list[tuple] = []
    for bundle in bundles:
        first, *others = bundle.members
        names = [name for at in bundle.members for name in held[at].as_py()]
        made.append((int(row[first]), None, bundle.text, names, bundle.pieces))
        made += [(int(row[at]), ids[first], None, None, None) for at in others]
    columns = [[one[at] for one in made] for at in range(5)]
    named = np.array(columns[0], np.uint64)
    return pa.table(
        {
            "shard": pa.array((named >> np.uint64(SHARD_BITS)).astype(np.int32)),
            "row": pa.array(named),
            "survivor": pa.array(columns[1], pa.large_string()),
            "text": pa.array(columns[2], pa.large_string()),
            COLUMN: pa.array(columns[3], pa.list_(pa.string())),
            "pieces": pa.array(columns[4], pieces.TYPE),
        }
    )


def applied(docs: pa.Table, rows: np.ndarray, united: pa.Table, rule: str, marks: bool = False) -> Outcome:
    """The documents with joined texts in place of their own, without those that went into another one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    index, named = _rows.found(rows, united)
    named = named.combine_chunks()
    stays = one_array(named["survivor"].is_null()).to_numpy(zero_copy_only=False)
    place = np.full(docs.num_rows, -1)
    place[index[stays]] = np.flatnonzero(stays)
    take = pa.array(place, mask=place < 0)
    changed = pa.array(place >= 0)
    own = docs["text"]
    made = {"text": pc.if_else(changed, _typed(one_array(named["text"]).take(take), own.type), one_array(own))}
    for name in (COLUMN, "pieces") if marks else (COLUMN,):
        made[name] = one_array(named[name]).take(take)
        if name in docs.schema.names:
            made[name] = pc.if_else(changed, made[name], one_array(docs[name]))
    went = with_columns(docs, made)
    if stays.all():
        return Outcome(went)
    gone = index[~stays]
    keep = np.ones(docs.num_rows, bool)
    keep[gone] = False
    survivors = named["survivor"].filter(pa.array(~stays)).to_pylist()
    return Outcome(went.filter(pa.array(keep)), [Removed(gone, "merged", rule, survivor=survivors)])


def _typed(text: Any, kind: Any) -> Any:
    return text if text.type == kind else text.cast(kind)


class Joining(Stage):
    """Base of stages that join documents."""

    rewrites: ClassVar[bool] = True
    reads_meta: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("id", "text", "source")
    makes: ClassVar[tuple[str, ...]] = (COLUMN,)

    def warm(self) -> None:
        """Compile the kernel that tells repeated ids apart."""
        import pyarrow as pa

        from datacurate.kernels import firsts

        firsts.ranks(pa.array(["a"]), pa.array(["a"]))

"""Parquet: our packed rows as they are, and a dataset folder for Hugging Face `datasets`, with its card."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datacurate.mixture.export.files import About, Files, Format
from datacurate.mixture.export.mds import IGNORED
from datacurate.mixture.export.samples import Samples
from datacurate.mixture.reading.index import INDEX, written

FILE_BYTES = 1 << 28
"""Bytes of token ids after which a new file begins."""


class Sharded(Format):
    """A base of formats of Parquet files, one after another, each of some row groups."""

    template = "{split}-{number:05}.parquet"

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        self.names: list[str] = []
        self._writer: pq.ParquetWriter | None = None
        self._size = 0

    def put(self, table: pa.Table) -> None:
        """Write a table as a row group."""
        if self._writer is None:
            self.names.append(self.template.format(split=self.about.split, number=len(self.names)))
            self._file = self.files.open(self.names[-1])
            self._rows = 0
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._size += table.nbytes
        self._rows += table.num_rows
        self.files.rows[self.names[-1]] = (self.about.split, self._rows)
        if self._size >= FILE_BYTES:
            self.close()

    def close(self) -> None:
        """Close the file that is open."""
        if self._writer is not None:
            self._writer.close()
            self._file.close()
        self._writer, self._size = None, 0


class Packed(Sharded):
    """Our packed rows as they are, for `PackedDataset`, which begins at their index."""

    units = ("rows",)
    loss_mask = "unscored"

    def add(self, samples: Samples) -> None:
        """Write the rows."""
        assert samples.table is not None
        self.put(samples.table)

    @staticmethod
    def finish(files: Files, receipt: dict[str, Any]) -> None:
        """The index of this training stage."""
        files.write(INDEX, _index([("", receipt, files)]))

    @staticmethod
    def join(files: Files, stages: list[tuple[dict[str, Any], Files]]) -> None:
        """The index of all training stages in turn."""
        files.write(INDEX, _index([(f"{told['folder']}/", told, own) for told, own in stages]))


def _index(parts: list[tuple[str, dict[str, Any], Files]]) -> str:
    """The index of files in some folders, each of one training stage."""
    stages, listed = [], []
    for number, (prefix, told, files) in enumerate(parts):
        first = {split: one["first_row"] for split, one in told["splits"].items()}
        stages.append({"name": told["stage"], "sequence_length": told["sequence_length"], "first_row": first})
        for name, (split, rows) in files.rows.items():
            listed.append({"name": prefix + name, "stage": number, "split": split, "rows": rows})
    return written(parts[0][1]["key"], parts[0][1]["sources"], stages, listed)


class HuggingFace(Sharded):
    """Hugging Face `datasets`: Parquet files and a card, for `load_dataset(DIR)` and for the hub."""

    units = ("rows", "documents")
    template = "data/{split}-{number:05}.parquet"
    loss_mask = "labels"

    def add(self, samples: Samples) -> None:
        """Write samples as rows of lists."""
        names = pa.array(self.about.sources, pa.string())
        source = names.take(pa.array(samples.sources.astype(np.int64)))
        columns: dict[str, Any] = {"input_ids": _lists(samples.offsets, pa.array(samples.tokens.astype(np.int32)))}
        if self.about.masked:
            labels = np.where(samples.scored(), samples.tokens, IGNORED).astype(np.int32)
            columns["labels"] = _lists(samples.offsets, pa.array(labels))
        if self.about.unit == "documents":
            columns["source"] = source
        else:
            cuts = samples.stretches()
            sample = np.repeat(np.arange(len(samples)), np.diff(cuts))
            columns["starts"] = _lists(cuts, pa.array((samples.starts - samples.offsets[sample]).astype(np.int32)))
            columns["sources"] = _lists(cuts, source)
            assert samples.table is not None
            columns |= {name: samples.table[name] for name in ("documents", "begins")}
            filled = np.bincount(sample, samples.sizes, len(samples))
            columns["length"] = pa.array(filled.astype(np.int32))
        self.put(pa.table(columns))

    @staticmethod
    def finish(files: Files, receipt: dict[str, Any]) -> None:
        """The card."""
        files.write("README.md", card(receipt))


def _lists(offsets: np.ndarray, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


FIELDS = {
    "documents": "Each example is a document: `input_ids`, closed by the end-of-text token, and its `source`.",
    "rows": (
        "Each example is a row of {sequence_length} tokens: `input_ids`; `starts`, the places where documents begin; "
        "their `sources`, `documents` (hashes of the ids) and `begins` (where in the document the row takes it up); "
        "and `length`, the tokens before the padding."
    ),
}


def card(receipt: dict[str, Any]) -> str:
    """The dataset's README.md: what `datasets` and the hub read, and what it is."""
    head = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, told in receipt["splits"].items():
        if told["samples"]:
            head += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    count = sum(told["samples"] for told in receipt["splits"].values())
    size = next((name for limit, name in SIZES if count < limit), "n>1T")
    head += ["task_categories:", "- text-generation", "size_categories:", f"- {size}", "tags:", "- datacurate", "---"]
    lines = ["", f"# {receipt['run']}", "", FIELDS[receipt["unit"]].format(**receipt), ""]
    if any(told["unscored"] for told in receipt["splits"].values()):
        lines += ["`labels` are the ids with -100 where no loss is taken: of prompts, for example.", ""]
    lines += [f"- vocabulary: {receipt['vocabulary']:,} ids"]
    if receipt["end_of_text"] is not None:
        lines += [f"- end of text: id {receipt['end_of_text']}"]
    lines += [f"- made from: `{receipt['key']}`, with datacurate", ""]
    lines += ["| split | source | tokens | documents |", "|---|---|---:|---:|"]
    for split, told in receipt["splits"].items():
        for source, one in told["sources"].items():
            name = source.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| {split} | {name} | {one['tokens']:,} | {one['documents']:,} |")
    lines += ["", "`export.json` has the digest of every file. The texts' licences are those of their sources."]
    return "\n".join([*head, *lines, ""])


SIZES = tuple(
    (10**high, name)
    for high, name in (
        (3, "n<1K"),
        (4, "1K<n<10K"),
        (5, "10K<n<100K"),
        (6, "100K<n<1M"),
        (7, "1M<n<10M"),
        (8, "10M<n<100M"),
        (9, "100M<n<1B"),
        (10, "1B<n<10B"),
        (11, "10B<n<100B"),
        (12, "100B<n<1T"),
    )
)
"""The hub's names for how many examples there are."""

"""An export: from a run to a folder of files and a receipt that equals the mixture's."""

from __future__ import annotations

import json
import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from datacurate.core.errors import InputError, LedgerError
from datacurate.mixture.export.files import About, Files, Format
from datacurate.mixture.export.samples import Origin, Samples, Unit, numbers_of, open_origin

FormatName = Literal["megatron", "datatrove", "mds", "litdata", "numpy", "huggingface", "packed"]
_CLASSES: dict[str, str] = {
    "megatron": "megatron.Megatron",
    "datatrove": "datatrove_ds.DatatroveDs",
    "mds": "mds.Mds",
    "litdata": "litdata_chunks.LitDataChunks",
    "numpy": "numpy_memmap.NumpyMemmap",
    "huggingface": "tables.HuggingFace",
    "packed": "tables.Packed",
}
RECEIPT = "export.json"


def format_class(name: FormatName) -> type[Format]:
    """The class of a format."""
    module, _, kind = _CLASSES[name].partition(".")
    return getattr(import_module(f"datacurate.mixture.export.{module}"), kind)


def export(
    run: str | Path,
    format: FormatName,
    to: str | Path,
    split: Literal["train", "validation", "all"] = "all",
    sources: list[str] | None = None,
    unit: Unit | None = None,
) -> dict[str, Any]:
    """Write the tokens of a run's mixture, or of a dataset with token ids, to a new folder; returns the receipt.

    The folder is there as a whole or not at all. InputError for what is asked and cannot be; LedgerError if the tokens
    were not those of the mixture's own receipt.
    """
    if format not in get_args(FormatName):
        raise InputError(f"no format is called '{format}'. Known: {', '.join(get_args(FormatName))}.")
    origin, kind, to = open_origin(run), format_class(format), Path(to)
    chosen = _unit(origin, kind, format, unit, sources)
    splits = [name for name in origin.splits if split in (name, "all")]
    if not splits:
        raise InputError(f"{run}: there is no split '{split}': a dataset of documents is all training.")
    wanted = numbers_of(origin, sources)
    splits = [name for name in splits if _has_tokens(origin, name, wanted)]
    if not splits:
        raise InputError(f"{run}: there are no tokens to write. Choose another --split or --source.")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: it is there already, and not empty. Remove it, or name another folder.")
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        receipt = _write(origin, kind, format, chosen, splits, wanted, Files(partial))
        if to.exists():
            to.rmdir()
        os.replace(partial, to)
    except OSError as error:
        raise InputError(f"{to}: cannot be written: {error}. Free some space, or name another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return receipt


def _has_tokens(origin: Origin, split: str, wanted: list[int]) -> bool:
    planned = origin.planned(split)
    return any(planned.get(origin.sources[i]) for i in wanted)


def _unit(origin: Origin, kind: type[Format], format: str, unit: Unit | None, sources: list[str] | None) -> Unit:
    """What a sample is. InputError for what the format or the origin does not have."""
    can = [one for one in kind.units if one == "documents" or origin.sequence_length]
    if not can:
        raise InputError(f"{format} holds rows, and {origin.name} has documents alone. Make a mixture of them first.")
    if unit is not None and unit not in can:
        raise InputError(f"{format} cannot hold {unit} of {origin.name}. Leave --unit out, or give: {', '.join(can)}.")
    chosen = unit or can[0]
    if sources and chosen == "rows":
        more = "Give --unit documents with --source." if "documents" in can else "Leave --source out."
        raise InputError(f"rows hold documents of several sources. {more}")
    return chosen


def _write(
    origin: Origin, kind: type[Format], format: str, unit: Unit, splits: list[str], wanted: list[int], files: Files
) -> dict[str, Any]:
    """Write all files, the receipt last."""
    shared = (origin.vocabulary, origin.end_of_text, origin.sequence_length)
    told = {}
    for split in splits:
        writer, count = kind(files, About(split, unit, origin.name, origin.sources, *shared)), Count(origin, unit)
        for samples in origin.samples(split, unit, wanted):
            if len(samples):
                writer.add(samples)
                count.add(samples)
        writer.close()
        told[split] = count.told(split, wanted)
    receipt: dict[str, Any] = {"format": format, "unit": unit, "run": origin.name, "key": origin.key}
    receipt |= dict(zip(("vocabulary", "end_of_text", "sequence_length"), shared, strict=True))
    receipt["splits"] = told
    kind.finish(files, receipt)
    receipt["files"] = files.listed()
    (files.folder / RECEIPT).write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")
    return receipt


class Count:
    """What has been written of a split."""

    def __init__(self, origin: Origin, unit: Unit) -> None:
        self.origin, self.unit = origin, unit
        self.samples = self.padding = 0
        self.tokens, self.documents, self.cut = np.zeros((3, len(origin.sources)), np.int64)

    def add(self, samples: Samples) -> None:
        """Count samples: tokens by stretches, documents by their ends."""
        many = len(self.origin.sources)
        self.samples += len(samples)
        self.padding += int(samples.offsets[-1] - samples.sizes.sum())
        np.add.at(self.tokens, samples.sources, samples.sizes)
        last = samples.tokens[samples.starts + samples.sizes - 1]
        ends = np.ones(len(last), bool) if self.origin.end_of_text is None else last == self.origin.end_of_text
        self.documents += np.bincount(samples.sources[ends], minlength=many)
        self.cut += np.bincount(samples.sources[~ends], minlength=many)

    def told(self, split: str, wanted: list[int]) -> dict[str, Any]:
        """The split's part of the receipt. LedgerError when tokens are not as many as planned."""
        planned, all_names = self.origin.planned(split), self.origin.sources
        off = [
            f"{all_names[i]}: {planned.get(all_names[i], 0):,} in the receipt, {self.tokens[i]:,} written"
            for i in wanted
            if self.tokens[i] != planned.get(all_names[i], 0)
        ]
        if self.unit == "rows" and self.padding != self.origin.padded(split):
            off.append(f"padding: {self.origin.padded(split):,} in the receipt, {self.padding:,} written")
        if off:
            raise LedgerError(
                f"export of {split}: tokens do not balance ({'; '.join(off)}). Please report this as a bug."
            )
        each = {
            name: {"tokens": int(self.tokens[i]), "documents": int(self.documents[i]), "cut": int(self.cut[i])}
            for i, name in ((i, all_names[i]) for i in wanted)
        }
        total = {"samples": self.samples, "tokens": int(self.tokens.sum()), "padding": self.padding}
        return {**total, "documents": int(self.documents.sum()), "cut": int(self.cut.sum()), "sources": each}


def as_text(receipt: dict[str, Any], to: Path) -> str:
    """The receipt for people."""
    rows = [("split", "source", "tokens", "documents")]
    for split, told in receipt["splits"].items():
        rows += [(split, name, f"{one['tokens']:,}", f"{one['documents']:,}") for name, one in told["sources"].items()]
        rows += [(split, "all", f"{told['tokens']:,}", f"{told['documents']:,}")]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows]
    padding = sum(told["padding"] for told in receipt["splits"].values())
    samples = sum(told["samples"] for told in receipt["splits"].values())
    size = sum(file["bytes"] for file in receipt["files"])
    cut = sum(told["cut"] for told in receipt["splits"].values()) if receipt["unit"] == "documents" else 0
    kind = f"{receipt['unit']} ({cut:,} without their end)" if cut else receipt["unit"]
    lines += [
        "",
        f"{samples:,} {kind}, {padding:,} places of padding; tokens as in the receipt of {receipt['run']}",
    ]
    lines += [f"{len(receipt['files']):,} files, {size:,} bytes, with digests in {to / RECEIPT}"]
    return "\n".join(lines)

"""An export: from a run to a folder of files and a receipt that equals the mixture's."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from datacurate.core.errors import InputError, LedgerError
from datacurate.mixture.export.files import About, Files, Format
from datacurate.mixture.export.samples import Origin, Samples, Unit, numbers_of, open_origins

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
    origins, kind = open_origins(run), format_class(format)
    chosen = _unit(origins[0], kind, format, unit, sources)
    wanted = numbers_of(origins[0], sources)
    parts = [(origin, _splits(origin, split, wanted, run)) for origin in origins]
    if not any(splits for _, splits in parts):
        raise InputError(f"{run}: there are no tokens to write. Choose another --split or --source.")
    with _folder(to) as partial:
        return _write(parts, kind, format, chosen, wanted, partial)


@contextmanager
def _folder(to: str | Path) -> Iterator[Path]:
    """A folder for what shall be in a new one, or in one that is empty, links followed: all is there when the block
    ends well, else nothing. InputError where that cannot be."""
    given = to
    try:
        to = Path(os.path.realpath(to))
        if there := to.exists():
            if not to.is_dir() or any(to.iterdir()):
                raise InputError(f"{given}: it is there already, and not empty. Remove it, or name another folder.")
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
        # Inside a folder that is there: it may be a mount or a link's end, or where the user's shell is.
        partial = (to if there else to.parent) / f".{to.name}.{os.getpid()}.partial"
        try:
            partial.mkdir()
            yield partial
            if there:
                for made in sorted(partial.iterdir(), key=lambda path: path.name == RECEIPT):
                    made.rename(to / made.name)
            else:
                os.replace(partial, to)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free some space, or name another folder." if full else "Name another folder."
        raise InputError(f"{given}: cannot be written: {error}. {advice}") from error


def _splits(origin: Origin, split: str, wanted: list[int], run: str | Path) -> list[str]:
    """The splits to write of an origin: those that have tokens of the wanted sources."""
    splits = [name for name in origin.splits if split in (name, "all")]
    if not splits:
        raise InputError(f"{run}: there is no split '{split}': a dataset of documents is all training.")
    return [name for name in splits if _has_tokens(origin, name, wanted)]


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
    parts: list[tuple[Origin, list[str]]], kind: type[Format], format: str, unit: Unit, wanted: list[int], folder: Path
) -> dict[str, Any]:
    """Write all files, the receipt last; of several training stages each has a folder, numbered in their order."""
    origin = parts[0][0]
    receipt: dict[str, Any] = {"format": format, "unit": unit, "run": origin.name, "key": origin.key}
    receipt |= {"vocabulary": origin.vocabulary, "end_of_text": origin.end_of_text, "sources": origin.sources}
    if len(parts) == 1:
        files = Files(folder)
        receipt |= _write_stage(*parts[0], kind, unit, wanted, files, receipt)
        receipt["files"] = files.listed()
    else:
        receipt |= _write_stages(parts, kind, unit, wanted, folder, receipt)
    (folder / RECEIPT).write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")
    return receipt


def _write_stages(
    parts: list[tuple[Origin, list[str]]],
    kind: type[Format],
    unit: Unit,
    wanted: list[int],
    folder: Path,
    receipt: dict[str, Any],
) -> dict[str, Any]:
    """Write each training stage to a folder of its own; what the receipt says of them, and in sum."""
    made = []
    for number, (origin, splits) in enumerate(parts, 1):
        name = f"{number:02}-" + re.sub(r"[^\w.-]+", "_", origin.stage)
        (folder / name).mkdir()
        files = Files(folder / name)
        made.append(({"folder": name} | _write_stage(origin, splits, kind, unit, wanted, files, receipt), files))
    shared = Files(folder)
    kind.join(shared, [(receipt | told, files) for told, files in made])
    listed = [one for told, files in made for one in files.listed(f"{told['folder']}/")] + shared.listed()
    lengths = {told["sequence_length"] for told, _ in made}
    return {
        "sequence_length": lengths.pop() if len(lengths) == 1 else None,
        "stages": [told for told, _ in made],
        "splits": _summed([told["splits"] for told, _ in made]),
        "files": listed,
    }


def _write_stage(
    origin: Origin,
    splits: list[str],
    kind: type[Format],
    unit: Unit,
    wanted: list[int],
    files: Files,
    receipt: dict[str, Any],
) -> dict[str, Any]:
    """Write the files of a training stage; what the receipt says of it."""
    shared = (origin.name, origin.sources, origin.vocabulary, origin.end_of_text, origin.sequence_length)
    masked = any(origin.unscored(split) for split in origin.splits)
    told = {}
    for split in splits:
        writer, count = kind(files, About(split, unit, *shared, masked)), Count(origin, unit)
        for samples in origin.samples(split, unit, wanted):
            if len(samples):
                writer.add(samples)
                count.add(samples)
        writer.close()
        told[split] = count.told(split, wanted)
    stage: dict[str, Any] = {"stage": origin.stage, "sequence_length": origin.sequence_length}
    stage |= {"loss_mask": kind.loss_mask if masked else None, "splits": told}
    kind.finish(files, receipt | stage)
    return stage


def _summed(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The splits of all training stages in sum."""
    found: dict[str, Any] = {}
    for part in parts:
        for split, told in part.items():
            mine = found.setdefault(split, {"sources": {}})
            for source, amounts in told["sources"].items():
                _add(mine["sources"].setdefault(source, {}), amounts)
            _add(mine, {name: value for name, value in told.items() if name not in ("sources", "first_row")})
    return found


def _add(sums: dict[str, int], amounts: dict[str, int]) -> None:
    for name, value in amounts.items():
        sums[name] = sums.get(name, 0) + value


class Count:
    """What has been written of a split."""

    def __init__(self, origin: Origin, unit: Unit) -> None:
        self.origin, self.unit = origin, unit
        self.samples = self.padding = self.unscored = 0
        self.tokens, self.documents, self.cut = np.zeros((3, len(origin.sources)), np.int64)

    def add(self, samples: Samples) -> None:
        """Count samples: tokens by stretches, documents by their ends."""
        many = len(self.origin.sources)
        self.samples += len(samples)
        self.padding += int(samples.offsets[-1] - samples.sizes.sum())
        self.unscored += 0 if samples.unscored is None else int(samples.unscored.sum())
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
        if len(wanted) == len(all_names) and self.unscored != self.origin.unscored(split):
            off.append(f"without loss: {self.origin.unscored(split):,} in the receipt, {self.unscored:,} written")
        if off:
            raise LedgerError(
                f"export of {split}: tokens do not balance ({'; '.join(off)}). Please report this as a bug."
            )
        each = {
            name: {"tokens": int(self.tokens[i]), "documents": int(self.documents[i]), "cut": int(self.cut[i])}
            for i, name in ((i, all_names[i]) for i in wanted)
        }
        total = {"samples": self.samples, "tokens": int(self.tokens.sum()), "padding": self.padding}
        total |= {"unscored": self.unscored, "first_row": self.origin.first_row.get(split, 0)}
        return {**total, "documents": int(self.documents.sum()), "cut": int(self.cut.sum()), "sources": each}


def as_text(receipt: dict[str, Any], to: Path) -> str:
    """The receipt for people."""
    stages = receipt.get("stages") or [receipt]
    rows: list[tuple[str, ...]] = [("stage", "split", "source", "tokens", "documents")]
    for stage in stages:
        for split, told in stage["splits"].items():
            each = {**told["sources"], "all": told}
            rows += [(stage["stage"], split, n, f"{o['tokens']:,}", f"{o['documents']:,}") for n, o in each.items()]
    if len(stages) == 1:
        rows = [row[1:] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = len(widths) - 2
    lines = [
        "  ".join(f"{v:<{w}}" if i < names else f"{v:>{w}}" for i, (v, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    totals = receipt["splits"].values()
    padding, samples, cut, unscored = (sum(t[n] for t in totals) for n in ("padding", "samples", "cut", "unscored"))
    size = sum(file["bytes"] for file in receipt["files"])
    cut = cut if receipt["unit"] == "documents" else 0
    kind = f"{receipt['unit']} ({cut:,} without their end)" if cut else receipt["unit"]
    said = f"{samples:,} {kind}, {padding:,} places of padding; tokens as in the receipt of {receipt['run']}"
    lines = [*(line.rstrip() for line in lines), "", said]
    if unscored:
        place = next(stage["loss_mask"] for stage in stages if any(t["unscored"] for t in stage["splits"].values()))
        lines += [f"{unscored:,} tokens that no loss is taken of: {_masked(place, receipt['format'])}"]
    lines += [f"{len(receipt['files']):,} files, {size:,} bytes, with digests in {to / RECEIPT}"]
    return "\n".join(lines)


def _masked(place: str | None, format: str) -> str:
    if place:
        return f"see {place}"
    return f"{format} has no place to say which, so that a training on it takes a loss of them, too"

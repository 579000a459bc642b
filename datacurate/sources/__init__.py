"""Where documents come from: one module per format, found by file name ending."""

from __future__ import annotations

import glob
import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from datacurate.core.errors import InputError
from datacurate.core.source import Source


@cache
def formats() -> dict[str, type[Source]]:
    """The formats by name, from the modules of this folder; they are imported at the first call."""
    found: dict[str, type[Source]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Source) and value.name() == module.name:
                found[module.name] = value
    return found


def find_format(path: str | Path) -> type[Source]:
    """The format that the file's name ends in; of a folder, the one that all files in it have."""
    if (Path(path) / "manifest.json").is_file():
        return formats()["dataset"]
    if Path(path).is_dir():
        return _format_of_all(path, {find_format(file) for file in expand(path)})
    name = str(path).lower()
    fits = [(len(end), kind) for kind in formats().values() for end in kind.suffixes if name.endswith(end)]
    if not fits:
        known = ", ".join(sorted({end for kind in formats().values() for end in kind.suffixes}))
        raise InputError(
            f"{path}: the ending names no format that is known ({known}). Rename the file, or name the format "
            f"in the recipe: {{jsonl: {path}}}"
        )
    return max(fits, key=lambda fit: fit[0])[1]


def _format_of_all(folder: str | Path, kinds: set[type[Source]]) -> type[Source]:
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.name() for kind in kinds))
        raise InputError(f"{folder}: holds {names} files. Name them apart, e.g. {folder}/*.parquet.")
    return kinds.pop()


def expand(path: str | Path | Iterable[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """Files, folders and glob patterns as a sorted list of files.

    Folders are searched in depth for names with a known ending (or one of `suffixes`); ledgers, and whatever starts
    with `.` or `_`, are left out there. A file that is named is always taken.
    """
    asked = [path] if isinstance(path, str | Path) else list(path)
    ends = suffixes or tuple(end for kind in formats().values() for end in kind.suffixes)
    found = {file for one in asked for file in _files(Path(one).expanduser(), ends)}
    return sorted(found)


def _files(path: Path, ends: tuple[str, ...]) -> list[Path]:
    """The files that one entry names; never none."""
    if path.is_file():
        return [path]
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and _wanted(file.relative_to(path), ends)]
        hint = f"Folders are searched for names that end in {', '.join(sorted(ends))}"
    else:
        hits = [Path(hit) for hit in glob.glob(str(path), recursive=True)]
        files = [file for hit in hits for file in ([hit] if hit.is_file() else _files_below(hit, ends))]
        hint = f"Check the spelling; relative paths start at {Path.cwd()}"
    if not files:
        raise InputError(f"no files match '{path}'. {hint}.")
    return files


def _files_below(folder: Path, ends: tuple[str, ...]) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and _wanted(file.relative_to(folder), ends)]


def _wanted(path: Path, ends: tuple[str, ...]) -> bool:
    """Whether a file that a folder holds is data: no ledger, nothing hidden, a known ending."""
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name.lower().endswith(ends) and not path.name.endswith(".ledger.parquet")

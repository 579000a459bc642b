"""Where documents come from: one module per format, found by file name ending."""

from __future__ import annotations

import glob
import os
import pkgutil
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from datacurate.core.errors import InputError
from datacurate.core.paths import is_remote, located, without_secrets
from datacurate.core.source import Source

GLOB = re.compile(r"[*]|\[[^\]/]+\]")
"""What makes a URL a pattern. A question mark does not: it begins the query."""


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
    remote = is_remote(path)
    if not remote and (Path(path) / "manifest.json").is_file():
        return formats()["dataset"]
    name = str(path).lower()
    name = name.partition("?")[0] if remote else name
    fits = [(len(end), kind) for kind in formats().values() for end in kind.suffixes if name.endswith(end)]
    if fits and (remote or not Path(path).is_dir()):
        return max(fits, key=lambda fit: fit[0])[1]
    if (remote and not GLOB.search(name)) or Path(path).is_dir():
        return _format_of_all(path, {find_format(str(file)) for file in expand(path)})
    known = ", ".join(sorted({end for kind in formats().values() for end in kind.suffixes}))
    raise InputError(
        f"{path}: the ending names no format that is known ({known}). Rename the file, or name the format "
        f"in the recipe: {{jsonl: {path}}}"
    )


def _format_of_all(folder: str | Path, kinds: set[type[Source]]) -> type[Source]:
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.name() for kind in kinds))
        raise InputError(f"{folder}: holds {names} files. Name them apart, e.g. {folder}/*.parquet.")
    return kinds.pop()


def expand(path: str | Path | Iterable[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """Files, folders, glob patterns and URLs of them as a sorted list of files.

    Folders are searched in depth for names with a known ending (or one of `suffixes`); ledgers, and whatever starts
    with `.` or `_`, are left out there. A file that is named is always taken.
    """
    asked = [path] if isinstance(path, str | Path) else list(path)
    ends = suffixes or tuple(end for kind in formats().values() for end in kind.suffixes)
    found: dict[str, Path] = {}
    for one in asked:
        files = _remote_files(str(one), ends) if is_remote(one) else _files(Path(one).expanduser(), ends)
        found |= {str(file): file for file in files}
    return [file for _, file in sorted(found.items(), key=lambda item: Path(item[0]))]


def _remote_files(url: str, ends: tuple[str, ...]) -> list[Path]:
    """The files that a URL names: one file, those below a folder, or those that match a pattern."""
    place = located(url)
    fs, inner = place.fs, place.path  # type: ignore[attr-defined]
    try:
        if GLOB.search(url):
            names = [name for name, about in fs.glob(inner, detail=True).items() if about["type"] == "file"]
        elif url.lower().startswith(("http://", "https://")) or fs.isfile(inner):
            return [place]
        else:
            names = [name for name in fs.find(inner) if _wanted(Path(name.removeprefix(inner).lstrip("/")), ends)]
    except Exception as error:  # of whatever library reads the URL: no such bucket, no rights, no network
        hint = "Check the address, your rights and the network."
        raise InputError(
            f"{without_secrets(url)}: cannot be listed: {type(error).__name__}: {error}. {hint}"
        ) from error
    if not names:
        raise InputError(
            f"no files match '{without_secrets(url)}'. Folders are searched for {', '.join(sorted(ends))}."
        )
    return [located(fs.unstrip_protocol(name)) for name in names]


def _files(path: Path, ends: tuple[str, ...]) -> list[Path]:
    """The files that one entry names; never none."""
    if path.is_file():
        return [path]
    if path.is_dir():
        files = _files_below(path, ends)
        hint = f"Folders are searched for names that end in {', '.join(sorted(ends))}"
    else:
        hits = [Path(hit) for hit in glob.glob(str(path), recursive=True)]
        files = [file for hit in hits for file in ([hit] if hit.is_file() else _files_below(hit, ends))]
        hint = f"Check the spelling; relative paths start at {Path.cwd()}"
    if not files:
        raise InputError(f"no files match '{path}'. {hint}.")
    return files


def _files_below(folder: Path, ends: tuple[str, ...]) -> list[Path]:
    """Wanted files in depth. Links are followed, each folder is entered once; one that cannot be read is an error."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed: {error.strerror}. Mend its rights, or name files.")

    found, entered = [], set()
    for at, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(at)) in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        files = (Path(at) / name for name in names)
        found += [file for file in files if _wanted(file.relative_to(folder), ends) and _is_data(file)]
    return found


def _is_data(file: Path) -> bool:
    """A file, or a link to nothing, which is found out when it is read; no pipe, device or socket."""
    return file.is_file() or not file.exists()


def _wanted(path: Path, ends: tuple[str, ...]) -> bool:
    """Whether a file that a folder holds is data: no ledger, nothing hidden, a known ending."""
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name.lower().endswith(ends) and not path.name.endswith(".ledger.parquet")

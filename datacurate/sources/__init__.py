"""Where documents come from: one module per format, found by file name ending."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from datacurate.core.errors import InputError
from datacurate.core.paths import is_remote, without_secrets
from datacurate.core.source import Source
from datacurate.sources._listing import GLOB, Listing, is_folder, known, listed


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
    name = str(path).partition("?")[0] if remote else str(path)
    kind = _by_ending(name)
    if kind is not None and (remote or not Path(path).is_dir()):
        return kind
    web = name.lower().startswith(("http://", "https://"))
    folder = is_folder(name) if web else remote or Path(path).is_dir()
    if folder and not (remote and GLOB.search(name)):
        return _format_of_all(path)
    shown = without_secrets(path)
    hint = f"Rename the file, or name the format in the recipe: {{jsonl: {shown}}}"
    if remote:
        more = ", or end the address of a folder in '/'" if web else ""
        hint = f"Name the format in the recipe: {{jsonl: {shown}}}{more}"
    raise InputError(f"{shown}: the ending names no format that is known: {known(_endings())}. {hint}")


def _by_ending(name: str) -> type[Source] | None:
    fits = [(len(end), kind) for kind in formats().values() for end in kind.suffixes if name.lower().endswith(end)]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


@cache
def _endings() -> tuple[str, ...]:
    return tuple(sorted({end for kind in formats().values() for end in kind.suffixes}))


def _format_of_all(folder: str | Path) -> type[Source]:
    """The format of a folder's files; pages without a known ending count where there are no other files."""
    try:
        files = listed([folder], _endings()).files
    except InputError:
        if is_remote(folder) or not listed([folder], _endings(), pages=True).files:
            raise
        return formats()["html"]
    kinds: dict[type[Source], str] = {}
    for file in files:
        name = str(file).partition("?")[0] if is_remote(file) else str(file)
        if (kind := _by_ending(name)) is not None and kind not in kinds:
            kinds[kind] = max((end for end in kind.suffixes if name.lower().endswith(end)), key=len)
    if len(kinds) > 1:
        names = sorted((kind.name(), end) for kind, end in kinds.items())
        told, (first, end), shown = " and ".join(name for name, _ in names), names[0], without_secrets(folder)
        deep = "" if shown.lower().startswith("http") else "/**"
        raise InputError(
            f"{shown}: holds {told} files. Name them apart: {shown.rstrip('/')}{deep}/*{end}, or in a recipe "
            f"{{{first}: {shown}}}."
        )
    return next(iter(kinds))


def expand(path: str | Path | Iterable[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """Files, folders, glob patterns and URLs of them as a sorted list of files.

    Folders are searched in depth for names with a known ending (or one of `suffixes`); ledgers, and whatever starts
    with `.` or `_`, are left out there. A file that is named is always taken.
    """
    return listing(path, suffixes).files


def listing(
    path: str | Path | Iterable[str | Path], suffixes: tuple[str, ...] | None = None, pages: bool = False
) -> Listing:
    """The same, and how many files of folders are left out for their ending; with `pages`, what begins like HTML
    is taken whatever its ending."""
    return listed([path] if isinstance(path, str | Path) else list(path), suffixes or _endings(), pages)

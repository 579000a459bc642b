"""Which files a path names: one file, those of a folder or a pattern, here or behind a URL; and which are left out."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from datacurate.core.errors import InputError
from datacurate.core.paths import is_remote, located, without_secrets
from datacurate.core.web import reason

GLOB = re.compile(r"[*]|\[[^\]/]+\]")
"""What makes a URL a pattern. A question mark does not: it begins the query."""
PAGE_NAME = re.compile(r"\.(?:[sx]?html?|xht|php\d?|phtml|aspx?|jspx?|cgi|pl|cfm|do)(?:[?@.;&~_,-].*)?\Z", re.I | re.S)
"""Names under which programs that copy websites store pages: `index.php`, `view.html?id=3`, `index.html.1`."""
ENDING = re.compile(r"\.[a-z][a-z0-9]{0,5}\Z", re.I)
"""What counts as an ending; `v1.2` has none."""
SNIFFED = 4096


@dataclass
class Listing:
    """The files that are read, and how many are not, by ending."""

    files: list[Path]
    left: Counter[str] = field(default_factory=Counter)


def ending(name: str) -> str:
    """The ending of a file name, '' if it has none."""
    found = ENDING.search(name.partition("?")[0])
    return found[0].lower() if found else ""


def known(ends: Iterable[str]) -> str:
    """The endings that are searched for; what compression adds is left out."""
    held = set(ends)
    plain = {end for end in held if end.rpartition(".")[0] not in held}
    return ", ".join(sorted(plain)) + (" (or one of these and .gz, .zst or .lz4)" if len(plain) < len(held) else "")


def spoken(left: Counter[str]) -> str:
    """How many files there are of each ending, the most frequent first."""
    most = sorted(left.items(), key=lambda item: (-item[1], not item[0], item[0]))
    named = [f"{count:,} {end or 'without ending'}" for end, count in most[:5]]
    more = f" and {len(left) - 5} more endings" if len(left) > 5 else ""
    return ", ".join(named) + more


def left_out(sources: dict[str, dict[str, int]]) -> list[str]:
    """What is said of files that are not read, by source."""
    told = []
    for name, left in sources.items():
        count = sum(left.values())
        files = f"{count:,} files are" if count > 1 else "1 file is"
        told.append(f"source {name}: {files} left out for the ending: {spoken(Counter(left))}.")
    return told


def listed(asked: Iterable[str | Path], ends: tuple[str, ...], pages: bool = False) -> Listing:
    """The files that paths name, sorted, each once; with `pages` also those of other endings that begin like HTML."""
    found: dict[str, Path] = {}
    left: set[str] = set()
    for one in asked:
        look = _Look(ends, pages)
        files = look.remote(str(one)) if is_remote(one) else look.local(Path(one).expanduser())
        found |= {str(file): file for file in files}
        left |= look.left
    files = [file for _, file in sorted(found.items(), key=lambda item: Path(item[0]))]
    return Listing(files, Counter(ending(name) for name in left - found.keys()))


class _Look:
    """What one path names."""

    def __init__(self, ends: tuple[str, ...], pages: bool) -> None:
        self.ends, self.pages = ends, pages
        self.left: set[str] = set()

    def local(self, path: Path) -> list[Path]:
        """The files of this machine that one entry names; never none."""
        if path.is_file():
            return [path]
        if path.is_dir():
            files = self._below(path)
            hint = f"Folders are searched for names that end in {known(self.ends)}{self._others()}"
        else:
            hits = [Path(hit) for hit in glob.glob(str(path), recursive=True)]
            files = [file for hit in hits for file in ([hit] if hit.is_file() else self._below(hit))]
            hint = f"Check the spelling; relative paths start at {Path.cwd()}"
        if not files:
            raise InputError(f"no files match '{path}'. {hint}.")
        return files

    def _others(self) -> str:
        left = Counter(ending(name) for name in self.left)
        return f"; it holds {spoken(left)}. Name such files, with their format, in a recipe" if left else ""

    def _below(self, folder: Path) -> list[Path]:
        """Wanted files in depth. Links are followed, each folder is entered once; an unreadable one is an error."""

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
            found += [file for file in files if _seen(file.relative_to(folder)) and self._takes(file)]
        return found

    def _takes(self, file: Path) -> bool:
        """Whether a file of a folder is read; otherwise it is noted. No pipe, device or socket is either."""
        if not file.is_file() and file.exists():
            return False
        if file.name.lower().endswith(self.ends) or (self.pages and _is_page(file)):
            return True
        self.left.add(str(file))
        return False

    def remote(self, url: str) -> list[Path]:
        """The files that a URL names: one file, those below a folder, or those that match a pattern."""
        place = located(url)
        fs, inner = place.fs, place.path  # type: ignore[attr-defined]
        web = url.lower().startswith(("http://", "https://"))
        try:
            if GLOB.search(url):
                names = [name for name, about in fs.glob(inner, detail=True).items() if about["type"] == "file"]
            elif web and is_folder(url):
                names = self._named([name for name in fs.ls(inner, detail=False) if not name.endswith("/")], inner)
            elif web or fs.isfile(inner):
                return [place]
            else:
                names = self._named(fs.find(inner), inner)
        except Exception as error:  # of whatever library reads the URL: no such bucket, no rights, no network
            hint = "Check the address, your rights and the network."
            raise InputError(f"{without_secrets(url)}: cannot be listed: {reason(error)}. {hint}") from error
        if not names:
            searched = f"Folders are searched for {known(self.ends)}{self._others()}"
            if web:
                searched = (
                    "Web servers do not list folders: of an address that ends in '/', files are read to which the page "
                    f"there links, if they end in {known(self.ends)}{self._others()}. Or name the files"
                )
            raise InputError(f"no files match '{without_secrets(url)}'. {searched}.")
        return [located(fs.unstrip_protocol(name)) for name in names]

    def _named(self, names: Iterable[str], folder: str) -> list[str]:
        """Those of the names below a folder that are wanted."""
        found = []
        for name in names:
            plain = name.removeprefix(folder).partition("?")[0].partition("#")[0].lstrip("/")
            if not plain or not _seen(Path(plain)):
                continue
            found.append(name) if plain.lower().endswith(self.ends) else self.left.add(name)
        return found


def is_folder(url: str) -> bool:
    """Whether the address of a web page is that of a folder: it ends in `/`."""
    return url.partition("#")[0].partition("?")[0].endswith("/")


def _seen(path: Path) -> bool:
    """Whether a file that a folder holds may be data: no ledger, nothing hidden."""
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and not path.name.endswith(".ledger.parquet")


def _is_page(file: Path) -> bool:
    """Whether a file without a known ending is a page: its name allows it, and it begins like HTML."""
    name = file.name
    if not PAGE_NAME.search(name) and ending(name):
        return False
    try:
        about = file.stat()
    except OSError:
        return False
    return _begins_like_html(str(file), about.st_mtime_ns, about.st_size)


@lru_cache(1 << 16)
def _begins_like_html(file: str, *_: Any) -> bool:
    from datacurate.sources._pages import is_html

    try:
        with open(file, "rb") as data:
            return is_html(data.read(SNIFFED))
    except OSError:
        return False

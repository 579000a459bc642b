"""Paths of input: files on this machine, files behind a URL (through fsspec), several small files taken together."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from datacurate.core.errors import CurateError, InputError
from datacurate.core.web import MASK, is_masked, masked, reason

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http", "hf": "hf"}
"""Which of our extras installs what reads a kind of URL."""
BUNDLE, PART, LOST = "bundle:", "part:", "lost:"


def is_remote(path: Any) -> bool:
    """Whether a path is a URL that fsspec opens."""
    return bool(URL.match(str(path))) and not isinstance(path, Path)


def located(path: str | Path) -> Path:
    """What a path names: a `Path`, or something that behaves like one for URLs (`UPath`) and for a `Bundle`."""
    if isinstance(path, str) and path.startswith(BUNDLE):
        return cast(Path, Bundle.parse(path))
    if isinstance(path, str) and path.startswith(PART):
        return cast(Path, Part.parse(path))
    if isinstance(path, str) and path.startswith(LOST):
        return cast(Path, Lost.parse(path))
    if not is_remote(path):
        return Path(path).expanduser()
    if is_masked(str(path)):
        raise InputError(
            f"{masked(str(path))}: '{MASK}' stands where a secret was: runs keep recipes without them. "
            "Use your own recipe, or put the secret back."
        )
    try:
        from upath import UPath

        remote = UPath(str(path))
        assert remote.fs is not None
    except (ImportError, ValueError) as error:
        raise InputError(f"{without_secrets(path)}: {_advice(str(path))} ({error})") from None
    return cast(Path, remote)


def _advice(path: str) -> str:
    scheme = path.split("://")[0].lower()
    if scheme in EXTRAS:
        return f"reading {scheme}:// needs a library. Run: pip install 'datacurate[{EXTRAS[scheme]}]'"
    return f"no installed library reads {scheme}://. Install the fsspec implementation for it, or copy the files here"


def without_secrets(path: Any) -> str:
    """A URL without user, password and query, for messages."""
    return re.sub(r"://[^/@]*@", "://", str(path)).partition("?")[0] if is_remote(path) else str(path)


def file_name(path: Any) -> str:
    """The name of a file; of a URL without its query."""
    return path.name.partition("?")[0] if is_remote(path) else printable(path.name)


def printable(name: str) -> str:
    """A file name as UTF-8, which Linux does not ask of file names."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def remote_identity(path: Any) -> list[Any] | None:
    """What the store says about a remote file (size and version), so that it need not be read to be known again.

    None where it says no more than the size, as plain web servers may.
    """
    about = path.fs.info(path.path)
    names = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created", "blob_id")
    marks = [str(about[name]) for name in names if about.get(name)]
    if not marks and (said := _web_headers(path)):
        marks = said
    return [about.get("size"), marks[0]] if marks else None


def _web_headers(path: Any) -> list[str]:
    """ETag or Last-Modified of a web page; fsspec's `info` leaves the latter out."""
    if not str(path).startswith(("http://", "https://")):
        return []
    try:
        modified = path.fs.modified(path.path)
    except Exception:  # the server names no time, in one of several ways
        return []
    return [str(modified)]


@dataclass(frozen=True)
class Bundle:
    """Small files that are read one after the other and make one shard. Behaves like a path, as far as sources need."""

    root: str
    """The folder that names are relative to."""
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Bundle:
        """The bundle that `str` wrote."""
        root, *names = json.loads(text.removeprefix(BUNDLE))
        return cls(root, tuple(names))

    def __str__(self) -> str:
        return BUNDLE + json.dumps([self.root, *self.names])

    @property
    def name(self) -> str:
        """The same for all, so that the folder may be renamed."""
        return "files"

    @cached_property
    def files(self) -> list[Path]:
        """The files."""
        return [located(f"{self.root}/{name}") for name in self.names]

    def stat(self) -> Any:
        """Size of all files."""
        return SimpleNamespace(st_size=sum(file.stat().st_size for file in self.files))


@dataclass(frozen=True)
class Part:
    """One of several parts of a list that tasks share. Behaves like a path, as far as sources need."""

    path: str
    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that `str` wrote."""
        number, _, rest = text.removeprefix(PART).partition("/")
        count, _, path = rest.partition(":")
        return cls(path, int(number), int(count))

    def __str__(self) -> str:
        return f"{PART}{self.number}/{self.count}:{self.path}"

    @property
    def name(self) -> str:
        """The list's name."""
        return file_name(located(self.path))

    def stat(self) -> Any:
        """Its share of the list's size."""
        return SimpleNamespace(st_size=located(self.path).stat().st_size // self.count)


@dataclass(frozen=True)
class Lost:
    """What a list of files names and cannot be read: one shard of broken records. Behaves like a path of no size."""

    path: str
    """The list."""
    entries: tuple[tuple[int, str, str, str], ...]
    """Line, the name that stands there, the rule that it breaks, and what is wrong."""

    @classmethod
    def parse(cls, text: str) -> Lost:
        """What `str` wrote."""
        path, *entries = json.loads(text.removeprefix(LOST))
        return cls(path, tuple(tuple(entry) for entry in entries))

    def __str__(self) -> str:
        return LOST + json.dumps([self.path, *self.entries])

    @property
    def name(self) -> str:
        """The list's name."""
        return file_name(located(self.path))

    def stat(self) -> Any:
        """Nothing is there."""
        return SimpleNamespace(st_size=0)


@dataclass(frozen=True)
class Listed:
    """A file that a list names. Is asked once for what planning wants to know, which for remote files costs a request;
    tasks get the file itself, which is what its `str` names."""

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The file's name."""
        return self._file.name

    @cached_property
    def _file(self) -> Path:
        return located(self.path)

    @cached_property
    def size(self) -> int | None:
        """Bytes, or None where no file is."""
        return _size_if_there(self._file)

    @cached_property
    def digest(self) -> str:
        """Its identity."""
        from datacurate.core.identity import file_digest

        return file_digest(self._file)

    def look(self) -> None:
        """Ask now; a remote file's identity, too."""
        if self.size is not None and is_remote(self.path):
            _ = self.digest

    def stat(self) -> Any:
        """The size."""
        return SimpleNamespace(st_size=self.size or 0)

    def open(self, mode: str = "rb") -> Any:
        """The file, opened."""
        return self._file.open(mode)


def _size_if_there(file: Path) -> int | None:
    """Bytes of a file, None where there is none; other trouble (no rights, no network) is raised as it is.

    fsspec's HTTP calls every trouble FileNotFoundError, with the reason as cause.
    """
    try:
        about = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        why = error.__cause__
        if why is not None and str(file).startswith("http") and getattr(why, "status", None) not in (404, 410):
            raise why from None
        return None
    mode = getattr(about, "st_mode", 0)
    return about.st_size if is_remote(file) or stat.S_ISREG(mode) else None


@contextmanager
def unreadable(path: Any) -> Iterator[None]:
    """Turn whatever goes wrong with a file of input into an InputError that names it."""
    try:
        yield
    except CurateError:
        raise
    except Exception as error:  # of any kind, for remote files
        raise InputError(
            f"{without_secrets(path)[:500]}: cannot be read: {reason(error)}. "
            "Check that it is there and that you may read it."
        ) from error


def size_of(path: str | Path) -> int:
    """Bytes of a file, wherever it lies."""
    with unreadable(path):
        return (located(path) if isinstance(path, str) else path).stat().st_size


def by_root(files: Iterable[Any]) -> dict[str, list[str]]:
    """Files by the deepest folder that holds them, on this machine and in each remote store, as names below it."""
    places: dict[str, list[str]] = {}
    for file in files:
        text = str(file) if is_remote(file) else os.path.abspath(file)
        places.setdefault("/".join(text.split("/")[:3]) if is_remote(file) else "", []).append(text)
    made: dict[str, list[str]] = {}
    for texts in places.values():
        parts = [(text.partition("?")[0] if is_remote(text) else text).split("/")[:-1] for text in texts]
        same = [len(set(level)) == 1 for level in zip(*parts, strict=False)]
        root = "/".join(parts[0][: same.index(False) if False in same else len(same)])
        made[root] = [text[len(root) + 1 :] for text in texts]
    return made

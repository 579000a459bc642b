"""What web servers need beyond fsspec: files without range requests, reasons of errors, addresses without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datacurate.core.errors import InputError

MASK = "***"
"""Stands where a secret of an address was."""
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]*[^\s\"'<>.,:;!?)}\]]")
USER = re.compile(r"://[^/@?#]*@")
FIELD = re.compile(r"([?&;#])([^=&;#]+)=([^&;#]*)")
SECRET = re.compile(r"(?i)sig|tok|key|secret|pass|pwd|auth|cred|session|policy|jwt|sas\b|code|access|hash|user|login")
"""What the name of a query field says that holds a secret: of S3, GCS and Azure (X-Amz-Signature, GoogleAccessId, sig),
and what web servers call theirs."""
RANDOM = re.compile(r"(?=[^a-zA-Z]*[a-zA-Z])(?=\D*\d)[\w.~+/=%-]{20,}")
"""A value that looks random, whatever its name is."""

RANGES = "range requests"
"""What fsspec's error says where a server ignores ranges."""
KEPT = 64 << 10
"""So many bytes behind the position of a stream can be read again without asking anew."""


def masked(value: Any) -> Any:
    """A value (text, or lists and mappings of it) whose addresses hold no user, password or secret of a query.

    Equal to `value` where there are none, so that keys and files stay as they are.
    """
    if isinstance(value, str):
        return ADDRESS.sub(_masked_address, value) if "://" in value else value
    if isinstance(value, dict):
        return {key: masked(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(masked(one) for one in value)
    return value


def hidden(name: str) -> str:
    """The end of an address, without secrets."""
    return FIELD.sub(_masked_field, name)


def _masked_address(found: re.Match[str]) -> str:
    return FIELD.sub(_masked_field, USER.sub(f"://{MASK}@", found[0]))


def _masked_field(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    return f"{mark}{name}={MASK}" if value and (SECRET.search(name) or RANDOM.fullmatch(value)) else found[0]


def is_masked(address: str) -> bool:
    """Whether an address comes from a file in which secrets were masked."""
    return f"://{MASK}@" in address or bool(re.search(rf"[?&;#][^=&;#]+={re.escape(MASK)}(?:[&;#]|$)", address))


def reason(error: BaseException) -> str:
    """What went wrong, in words. fsspec's HTTP says FileNotFoundError of everything; the cause tells it apart."""
    why = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    status = getattr(why, "status", None)
    if status in (404, 410):
        return f"there is no such file (HTTP status {status})"
    if isinstance(status, int):
        return f"the server answers with HTTP status {status}"
    if getattr(why, "os_error", None) is not None:  # aiohttp's errors of connections
        return f"no connection to the server: {masked(str(why))}"
    return f"{type(why).__name__}: {masked(str(why))}"


def opened(path: Any) -> Any:
    """A file to read from front to back, wherever it lies."""
    return WebFile(path) if str(path).lower().startswith(("http://", "https://")) else path.open("rb")


def in_pieces(path: Any) -> Any:
    """A remote file to read here and there; InputError where the server sends files only whole."""
    file: Any = path.open("rb")
    if type(file).__name__ == "HTTPStreamFile":
        raise _unranged(path)
    return file


@contextmanager
def unranged(path: Any) -> Iterator[None]:
    """Say it clearly when a server, asked for a piece, sends the whole file."""
    try:
        yield
    except ValueError as error:
        if RANGES not in str(error):
            raise
        raise _unranged(path) from None


def _unranged(path: Any) -> InputError:
    return InputError(
        f"{masked(str(path))}: the server does not answer range requests, and Parquet is read in pieces. "
        "Copy the file here and name the copy."
    )


class WebFile:
    """A file of a web server: in ranges where the server sends these, else as one stream.

    Going back in a stream begins it again, and going on reads what lies between.
    """

    def __init__(self, path: Any) -> None:
        self.path = path
        self._file: Any = path.open("rb")
        self._at = self._start = 0
        self._buffer = b""
        self._ranges = type(self._file).__name__ != "HTTPStreamFile" and self._file.size is not None
        if not self._ranges:
            self._begin()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        if self._ranges:
            try:
                data: bytes = self._file.read(size)
            except ValueError as error:
                if RANGES not in str(error):
                    raise
                self._ranges = False
                self._begin()
            else:
                self._at += len(data)
                return data
        if self._at < self._start:
            self._begin()
        parts = []
        while size and (data := self._some(size)):
            parts.append(data)
            size -= len(data) if size > 0 else 0
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        """Some of the next bytes of the stream, at most `size` unless that is negative; none at its end."""
        while self._at >= self._start + len(self._buffer):
            if not (chunk := self._file.read(1 << 20)):
                return b""
            self._start += max(len(self._buffer) - KEPT, 0)
            self._buffer = self._buffer[-KEPT:] + chunk
        data = self._buffer[self._at - self._start :]
        data = data[:size] if size > 0 else data
        self._at += len(data)
        return data

    def _begin(self) -> None:
        """Ask for the file from its first byte on, without a limit on how long that takes, but on silence."""
        import aiohttp
        from fsspec.asyn import sync
        from fsspec.implementations.http import HTTPStreamFile

        self._file.close()
        fs, patience = self.path.fs, aiohttp.ClientTimeout(total=None, sock_connect=60, sock_read=300)
        session = sync(fs.loop, fs.set_session)
        more = {**fs.kwargs, "timeout": patience}
        self._file = HTTPStreamFile(fs, self.path.path, loop=fs.loop, session=session, **more)
        self._start, self._buffer = 0, b""

    def seek(self, offset: int) -> int:
        """Move to a byte of the file."""
        if self._ranges:
            self._file.seek(offset)
        self._at = offset
        return offset

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def close(self) -> None:
        """Close the connection."""
        self._file.close()

    def __enter__(self) -> WebFile:
        return self

    def __exit__(self, *why: object) -> None:
        self.close()

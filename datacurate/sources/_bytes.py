"""Files as a stream of decompressed bytes that says where it is damaged and goes on behind the damage.

`gzip.open` raises on the first bad byte and fastwarc returns what came before it without a word; either way the
rest of the file is lost to the count. Here a bad gzip member, or a bad zstd or lz4 frame, is skipped, with its
position, size and error kept.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacurate.core.web import opened
from datacurate.sources._packed import Frame, Packing, packing


def _fastest_zlib() -> Any:
    """ISA-L where there is a build of it: it unpacks twice as fast as zlib, which does the same."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib
    return isal_zlib


zlib = _fastest_zlib()

CHUNK = 16 << 10
"""Compressed bytes read at once. zlib copies the unused rest at every member end, so a large chunk is slow."""
INFLATED = 4 << 20
"""Most bytes that one call of zlib may make: a bomb grows 1,000-fold, and memory stays bounded."""
ENTRIES = 1 << 14
"""So many members or frames are known to which one can go back; before the first of them, everything is read again."""
MAX_RATIO = 1000
"""A file may unpack to at most so many times its size: pages reach 20, deflate's own limit is 1,032, zstd has none."""
SLACK = 64 << 20
"""Bytes that are unpacked before the ratio counts."""
GZIP = b"\x1f\x8b\x08"
UNTOLD = 1 << 50
"""Stands for the size of a file that a web server does not tell."""


@dataclass(frozen=True)
class Damage:
    """A stretch of the file that cannot be decompressed."""

    rule: str
    error: str
    start: int
    """Where the damaged member starts, in bytes of the file."""
    end: int
    """Where it was noticed."""
    begun: bool = True
    """Whether something of the member was handed out before the damage was noticed."""
    head: bytes = b""
    """What can still be decompressed of the member's start, at most 8 KB, when nothing of it was handed out."""


class Stream:
    """The decompressed bytes of a file, with a movable position and a bounded buffer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: Damage | None = None
        self.holds_nothing = False
        """Whether the file has no byte."""
        self.ahead = 0
        """So many bytes more than asked for are unpacked at once, which saves copies where records are small."""

        self.kept: int | None = None
        """What lies behind this position stays in the buffer, so that one can go back there at no cost."""
        self.end: int | None = None
        """Where the file ends, or damage comes, once that was found out."""
        self._packed = False
        self._starts: list[int] = []
        """Positions at which members and frames begin, in order."""
        self._buffer = b""
        self._at = self._base = self._made = self._reached = 0
        self._entries: deque[tuple[int, int, int]] = deque(maxlen=ENTRIES)
        """Where members and frames begin in the file, the position there, and what frames had unpacked to."""
        self._resume(0)
        self._first = self._entries[0]

    def _resume(self, offset: int) -> None:
        """Go on at a byte of the file, where a member or frame begins."""
        self.damage = None
        self._ended = False
        self._reached = self.position
        self._entries.append((offset, self._reached, self._made))
        self._chunks = self._open(offset)

    def _enter(self, offset: int) -> None:
        """Note that a gzip member or a frame begins here."""
        self._entries.append((offset, self._reached, self._made))
        if self._packed and (not self._starts or self._reached > self._starts[-1]):
            self._starts.append(self._reached)
            if len(self._starts) > 2 * ENTRIES:
                del self._starts[:ENTRIES]

    @property
    def position(self) -> int:
        """Decompressed bytes that lie before the current position."""
        return self._base + self._at

    def _open(self, offset: int) -> Iterator[bytes]:
        with opened(self.path) as file:
            magic = file.read(4)
        self.holds_nothing = not magic
        self._packed = magic[:3] == GZIP or packing(magic) is not None
        if magic[:3] == GZIP:
            return self._gzip(offset)
        if (found := packing(magic)) is not None:
            return self._frames(found, offset)
        return self._plain(offset)

    def _plain(self, offset: int) -> Iterator[bytes]:
        with opened(self.path) as file:
            file.seek(offset)
            while chunk := file.read(1 << 20):
                yield chunk
                self._reached += len(chunk)
                self._enter(file.tell())

    def _frames(self, packed: Packing, offset: int) -> Iterator[bytes]:
        """zstd and lz4, frame by frame; ends at damage."""
        size = self.path.stat().st_size or UNTOLD
        with opened(self.path) as file:
            dictionary = packed.dictionary(file)
            file.seek(offset)
            while self.damage is None and file.tell() < size and (size < UNTOLD or _goes_on(file)):
                if not packed.skips(file, size):
                    self._enter(file.tell())
                    yield from self._packed_frame(packed, file, dictionary, size)

    def _packed_frame(self, packed: Packing, file: Any, dictionary: bytes | None, size: int) -> Iterator[bytes]:
        """The bytes of one zstd or lz4 frame."""
        frame = packed.frame(file)
        made = 0
        try:
            source = packed.unpacked(frame, dictionary)
            while chunk := source.read(64 << 10):
                yield chunk
                made += len(chunk)
                self._made += len(chunk)
                self._reached += len(chunk)
                if self._made > MAX_RATIO * size + SLACK:
                    self.damage = Damage("bomb", f"{packed.name}: {_bomb(self._made, size)}", size, size)
                    return
            while frame.read(1 << 20):  # what is left is a checksum that the reader does not ask for
                pass
        except Exception as error:  # of several kinds, and fastwarc documents only OSError
            yield from self._packed_damage(packed, file, dictionary, frame, made, error)

    def _packed_damage(
        self, packed: Packing, file: Any, dictionary: bytes | None, frame: Frame, made: int, error: Exception
    ) -> Iterator[bytes]:
        """What the last step had unpacked before the error, then the damage.

        A frame that is small and has the wrong checksum may be wrong anywhere: nothing of it is handed out.
        """
        start, end, head = frame.start, file.tell(), b""
        if made or "checksum" not in str(error):
            rest = packed.salvaged(file, start, 64 << 10, dictionary, made)
            made += len(rest)
            if rest:
                yield rest
        else:
            head = packed.salvaged(file, start, 8192, dictionary)
        cut = frame.cut and _find(file, start + 1, packed.magic) < 0
        rule, what = ("truncated", "is cut off") if cut else (packed.name, f"is damaged: {error}")
        text = f"{packed.name} frame at byte {start} {what} (noticed before byte {end} of the file)"
        self.damage = Damage(rule, text, start, max(end, start + 1), made > 0, head)

    def _gzip(self, offset: int) -> Iterator[bytes]:
        with opened(self.path) as file:
            file.seek(offset)
            rest = file.read(CHUNK)
            while rest:
                self._enter(file.tell() - len(rest))
                rest = yield from self._member(file, rest)

    def _member(self, file: Any, data: bytes) -> Any:
        """The bytes of one gzip member; returns the compressed bytes that follow it, none after damage."""
        start = file.tell() - len(data)
        inflate = zlib.decompressobj(31)
        made = 0
        while not inflate.eof:
            data = data or file.read(CHUNK)
            if not data:
                return self._damaged("truncated", f"gzip member at byte {start} is cut off", start, file, made)
            try:
                out = inflate.decompress(data, INFLATED)
            except zlib.error as error:
                return self._damaged("gzip", f"gzip member at byte {start}: {error}", start, file, made)
            data = inflate.unconsumed_tail
            made += len(out)
            if out:
                self._reached += len(out)
                yield out
            if made > SLACK and made > MAX_RATIO * (file.tell() - len(data) - start):
                wrong = f"gzip member at byte {start}: {_bomb(made, file.tell() - len(data) - start)}"
                return self._damaged("bomb", wrong, start, file, made)
        return self._padding(inflate.unused_data or file.read(CHUNK), file)

    @staticmethod
    def _padding(data: bytes, file: Any) -> bytes:
        """What follows a member, without the zeros that tape blocks and some writers pad with."""
        while data and not data[0]:
            data = data.lstrip(b"\0") or file.read(CHUNK)
        return data

    def _damaged(self, rule: str, error: str, start: int, file: Any, made: int) -> bytes:
        end = file.tell()
        head = b"" if made else _salvaged(file, start)
        error += f" (noticed before byte {end} of the file)"
        self.damage = Damage(rule, error, start, end, made > 0, head)
        return b""

    def recover(self, begins: re.Pattern[bytes]) -> int | None:
        """Go on at the next gzip member or frame that begins so; the bytes skipped, or None if there is none."""
        damage = self.damage
        if damage is None or damage.start >= damage.end:
            return None
        with opened(self.path) as file:
            packed = packing(file.read(4))
            magic = packed.magic if packed else GZIP
            dictionary = packed.dictionary(file) if packed else None
            found = damage.start
            while (found := _find(file, found + 1, magic)) >= 0:
                head = packed.salvaged(file, found, 512, dictionary) if packed else _salvaged(file, found, 512)
                if begins.match(head):
                    break
        if found < 0:
            return None
        self.end = None
        self._resume(found)
        self._first = self._entries[-1]
        return found - damage.start

    def ensure(self, size: int) -> bool:
        """Whether `size` bytes lie ahead; reads as far as needed."""
        have = len(self._buffer) - self._at
        if have >= size:
            return True
        if self._ended:
            return False
        kept = self._at if self.kept is None else min(max(self.kept - self._base, 0), self._at)
        parts = [self._buffer[kept:]]
        self._base, self._at = self._base + kept, self._at - kept
        more = max(self.ahead, size >> 2)  # a share of the size: the next record may ask for as much, and a little more
        while have < size + more and not self._ended:
            chunk = next(self._chunks, None)
            self._ended = chunk is None
            parts.append(chunk or b"")
            have += len(parts[-1])
        self._buffer = b"".join(parts)
        return have >= size

    def members(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` at which a gzip member or a frame is known to begin."""
        return self._starts[bisect_left(self._starts, first) : bisect_right(self._starts, last)]

    @property
    def buffered(self) -> tuple[bytes, int]:
        """What is unpacked, and where in it the position is."""
        return self._buffer, self._at

    def forward(self, size: int) -> None:
        """Move on by bytes that are buffered."""
        self._at += size

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes ahead, without moving."""
        self.ensure(size)
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """Up to `size` bytes; moves behind them."""
        data = self.peek(size)
        self._at += len(data)
        return data

    def skip(self, size: int) -> int:
        """Move on by up to `size` bytes without keeping them; how many there were."""
        left = size
        while left and (got := len(self.take(min(left, 1 << 20)))):
            left -= got
        return size - left

    def until(self, mark: bytes, most: int) -> int:
        """Bytes up to and with the next `mark`; -1 when it is not among the next `most` or comes never."""
        searched = 0
        while (found := self._buffer.find(mark, self._at + searched)) < 0:
            searched = len(self._buffer) - self._at
            if searched > most:
                return -1
            self.ensure(2 * searched + 1)  # twice as much each time: a long line is copied a few times, not thousands
            if len(self._buffer) - self._at == searched:
                return -1
        return found + len(mark) - self._at

    def between(self, start: int, end: int) -> bytes:
        """Bytes between two positions in the buffer."""
        return self._buffer[start - self._base : end - self._base]

    def back(self, position: int) -> None:
        """Move back to an earlier position, behind the last damage; what has left the buffer is decompressed again."""
        if position >= self._base:
            self._at = position - self._base
            return
        near = (entry for entry in reversed(self._entries) if entry[1] <= position)
        offset, self._base, self._made = next(near, self._first)
        self._buffer, self._at = b"", 0
        self._resume(offset)
        self.skip(position - self._base)


def _goes_on(file: Any) -> bool:
    """Whether a byte follows."""
    at = file.tell()
    more = bool(file.read(1))
    file.seek(at)
    return more


def _bomb(made: int, size: int) -> str:
    return f"{size:,} bytes unpack to more than {made:,}; the limit is {MAX_RATIO:,} times"


def _find(file: Any, start: int, magic: bytes) -> int:
    """Where the next gzip member or frame may begin, -1 if nowhere."""
    tail, size = b"", 2048
    file.seek(start)
    while chunk := file.read(size := min(2 * size, 1 << 20)):
        found = (tail + chunk).find(magic)
        if found >= 0:
            return file.tell() - len(chunk) - len(tail) + found
        tail = (tail + chunk)[-len(magic) + 1 :]
    return -1


def _salvaged(file: Any, start: int, size: int = 8192) -> bytes:
    """The first decompressed bytes of the member at `start`, as far as they can be had.

    In steps of 16 bytes, for zlib throws away what the step with the error has made.
    """
    file.seek(start)
    inflate, made = zlib.decompressobj(31), b""
    try:
        while len(made) < size and not inflate.eof and (data := file.read(16)):
            made += inflate.decompress(data, size)
    except zlib.error:
        pass
    return made[:size]

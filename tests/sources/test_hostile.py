"""Archives as nobody writes them: mutated samples and files made to cost much. No crash, no loss, bounded time."""

import gzip
import random
import time
import zlib

import pytest
from test_warc import BODY, http, record

from datacurate.sources import _bytes, formats
from datacurate.sources._bytes import Stream
from datacurate.sources._frames import frames


@pytest.fixture
def cut(tmp_path):
    """Frames of a file with some bytes, at most 10,000 of them and in less than ten seconds."""

    def frames_of(data, most=64 << 20):
        (tmp_path / "x").write_bytes(data)
        began, found = time.process_time(), []
        for frame in frames(Stream(tmp_path / "x"), most):
            found.append(frame)
            assert len(found) < 10_000 and time.process_time() - began < 10
        return found

    return frames_of


def test_a_false_length_behind_a_damaged_member_is_met_once(cut):
    """Going back to a record's start went back before the damage, for ever."""
    damaged = bytearray(gzip.compress(record(http(BODY), id="crc")))
    damaged[-8] ^= 1
    false = gzip.compress(record(http(), length=74_581, id="false"))[:-9]
    found = cut(gzip.compress(record(http(), id="first")) + bytes(damaged) + false)
    assert [frame.rule for frame in found] == ["", "gzip", "truncated"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: gzip.compress(data, 1) + gzip.compress(b"")])
@pytest.mark.parametrize("claim", [3_000_000, 50_000_000, 10**9, 10**14])
def test_thousands_of_false_lengths_take_no_longer_than_the_file(cut, pack, claim):
    data = b"".join(record(http(BODY * 20), length=claim, id=at) for at in range(1000))
    found = cut(pack(data))
    assert len(found) == 1000
    assert {frame.rule for frame in found} == {"content_length", "truncated"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lengths_over_the_limit_that_end_in_the_file(cut, pack):
    """Going back starts at the member (or the byte) where the record does, not at the file's start."""
    members = [pack(record(http(BODY * 20), length=300_000, id=at)) for at in range(1000)]
    found = cut(b"".join(members), most=200_000)
    assert len(found) == 1000
    assert {frame.rule for frame in found} == {"content_length", "truncated"}


@pytest.mark.parametrize("kept", [1, 1 << 14])
def test_going_back_gives_the_same_bytes(tmp_path, monkeypatch, kept):
    """Into any place behind the last damage, whatever has been read in between."""
    monkeypatch.setattr(_bytes, "ENTRIES", kept)
    rnd = random.Random(5)
    parts = [rnd.randbytes(rnd.randrange(1, 100_000)) for _ in range(60)]
    whole = b"".join(parts)
    zstandard = pytest.importorskip("zstandard")
    for pack in (bytes, gzip.compress, zstandard.compress):
        (tmp_path / "x").write_bytes(b"".join(map(pack, parts)))
        stream = Stream(tmp_path / "x")
        for _ in range(40):
            at = rnd.randrange(len(whole))
            if at < stream.position:
                stream.back(at)
            stream.skip(at - stream.position)
            assert stream.position == at
            assert stream.take(1000) == whole[at : at + 1000]


def test_lengths_that_are_a_little_wrong_cost_nothing(cut):
    block = http(BODY * 20)
    data = b"".join(record(block, length=len(block) - 3, id=at) for at in range(1000))
    found = cut(gzip.compress(data, 1))
    assert [frame.rule for frame in found] == ["content_length"] * 1000


def test_a_record_just_over_the_limit_ends_where_it_ends(cut):
    """The head that is kept was taken beyond the end of the record."""
    found = cut(record(http(), id="a") + record(http(BODY), id="b") + record(http(), id="c"), most=200)
    assert [(frame.rule, frame.headers.get("warc-record-id")) for frame in found] == [
        ("", "<urn:uuid:a>"), ("too_large", "<urn:uuid:b>"), ("", "<urn:uuid:c>"),
    ]  # fmt: skip


TOKENS = [
    b"\0", b"\r\n", b"\n", b"WARC/1.0\r\n", b"\r\n\r\n", b"Content-Length: ", b"HTTP/1.1 200 OK\r\n", b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\xff" * 8, b"9" * 5000, b"\x50\x2a\x4d\x18\xff\xff\xff\xff", b"-1",
    b":", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: zstd, br, deflate\r\n", b"{", b'"',
    b"\\ud800", b"1e999",
]  # fmt: skip


def mutated(data, rnd):
    """Bytes with a few changed, cut out, put in, doubled or made zero."""
    made = bytearray(data)
    for _ in range(rnd.choice((1, 1, 2, 4, 16))):
        at, size = rnd.randrange(len(made) + 1), rnd.choice((1, 2, 8, 64, 1000, 20_000))
        token, piece = rnd.choice(TOKENS), made[at : at + size]
        what = rnd.randrange(6)
        if what == 0:
            made[at : at + 1] = bytes([rnd.randrange(256)])
        elif what == 1:
            del made[at : at + size]
        elif what == 2:
            made[at:at] = token
        elif what == 3:
            made[at:at] = piece
        elif what == 4:
            made[at : at + len(piece)] = bytes(len(piece))
        elif (found := made.find(b"Content-Length:", at)) >= 0:
            made[found + 16 : found + 17] = b"%d" % rnd.randrange(10 ** rnd.randrange(1, 19))
    return bytes(made)


def unpacked(data):
    """A gzip file's content, anything else as it is."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


@pytest.mark.shared
@pytest.mark.parametrize("seed", range(4))
def test_mutated_samples(shared, tmp_path, seed):
    rnd = random.Random(seed)
    files = sorted(file for file in (shared / "warc_samples").rglob("*") if file.is_file() and "arc" in file.name)
    files = [file for file in files if file.stat().st_size < 100_000]
    for number in range(60):
        file = rnd.choice(files)
        data = mutated(unpacked(file.read_bytes()), rnd)
        data = mutated(gzip.compress(data, 1), rnd) if number % 3 == 0 else data
        kind = "arc" if ".arc" in file.name else "wat" if ".wat" in file.name else "warc"
        account(kind, tmp_path / "x", data, rnd.choice((64 << 20, 5000, 1)))


def account(kind, file, data, most):
    """Read a file to its end: every id once, an error with every broken record, sound Arrow."""
    file.write_bytes(data)
    ids, began = [], time.process_time()
    for read in formats()[kind](path=str(file), max_bytes=most).read(file, "s"):
        read.docs.validate(full=True)
        ids += read.docs["id"].to_pylist() + [one.id for one in read.unread]
        assert all(one.fate == "dropped" or one.error for one in read.unread)
        assert "".join(one.id + one.error for one in read.unread).encode() is not None
        assert time.process_time() - began < 10
    assert len(ids) == len(set(ids))
    assert ids or not data.strip(b"\r\n\0")


def test_what_is_cut_is_the_whole_file(cut):
    """No byte of a damaged plain file is in no frame, but for line ends."""
    rnd = random.Random(7)
    whole = b"".join(record(http(BODY), id=at) for at in range(20))
    for _ in range(200):
        data = mutated(whole, rnd)
        found = cut(data)
        ends = [*(frame.position for frame in found[1:]), len(data)]
        for frame, end in zip(found, ends, strict=True):
            between = data[frame.position : end].rstrip(b"\r\n")
            assert frame.size <= end - frame.position
            if frame.rule:
                assert frame.size >= len(between) - 2000, "the stretch, but for its header"

"""zstd and lz4 files with a damaged frame: what lies before and behind it is read, and the books name the rest."""

import json

import pyarrow as pa
import pytest

from datacurate.sources._bytes import Stream
from datacurate.sources._packed import DICTIONARY
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.warc import Warc
from tests.sources.test_warc import http, record


def pack(kind, data):
    """A frame with a checksum."""
    if kind == "lz4":
        return pa.Codec("lz4").compress(data, asbytes=True)
    return pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compress(data)


def page(at):
    words = b" ".join(b"%d" % (at * 7919 * k % 100_003) for k in range(200))
    return record(http(b"<html>page %d %s</html>" % (at, words)), id=f"r{at}")


def spoilt(frame, at):
    """The frame with one byte changed; lz4 without checksums notices only what its headers say."""
    return frame[:at] + bytes([frame[at] ^ 0xFF]) + frame[at + 1 :]


@pytest.fixture
def open_file(tmp_path, read):
    def read_file(name, data):
        (tmp_path / name).write_bytes(data)
        source = (Jsonl if ".jsonl" in name else Warc)(path=str(tmp_path / name))
        return read(source, tmp_path / name)[:2]

    return read_file


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
@pytest.mark.parametrize("bad", [0, 1, 100, 299])
@pytest.mark.parametrize("where", ["magic", "block size", "middle"])
def test_a_damaged_frame_costs_its_record_only(open_file, kind, bad, where):
    frames = [pack(kind, page(at)) for at in range(300)]
    at = {"magic": 0, "block size": 8, "middle": len(frames[bad]) // 2}[where]
    if kind == "lz4" and where == "middle":
        pytest.skip("this frame has no checksum: a changed byte is another text")
    if bad == 0 and where == "magic":
        pytest.skip("a file that does not start as its format is another kind of file")
    size = len(frames[bad])
    frames[bad] = spoilt(frames[bad], at)
    start = sum(map(len, frames[:bad]))
    docs, [lost] = open_file("x.warc.zst" if kind == "zstd" else "x.warc.lz4", b"".join(frames))
    assert [doc["id"] for doc in docs] == [f"r{at}" for at in range(300) if at != bad]
    assert lost.rule == (kind if bad < 299 or where != "block size" else lost.rule)
    assert f"byte {start} " in lost.error
    assert size // 2 < lost.bytes < 3 * size


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_a_cut_file_keeps_what_lies_before(open_file, kind):
    frames = [pack(kind, page(at)) for at in range(30)]
    docs, [lost] = open_file(f"x.warc.{'zst' if kind == 'zstd' else kind}", b"".join(frames)[: -len(frames[-1]) // 2])
    assert (len(docs), lost.rule) == (29, "truncated")


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_one_frame_is_read_up_to_the_damage(open_file, kind):
    packed = pack(kind, b"".join(page(at) for at in range(2000)))
    docs, unread = open_file(f"x.warc.{'zst' if kind == 'zstd' else kind}", packed[: len(packed) // 2])
    assert [doc["id"] for doc in docs] == [f"r{at}" for at in range(len(docs))]
    assert 800 < len(docs) < 1200
    assert [one.rule for one in unread] == ["truncated"]
    wrong = bytearray(packed)
    wrong[len(packed) // 2 : len(packed) // 2 + 4096] = b"\xff" * 4096
    docs, unread = open_file(f"x.warc.{'zst' if kind == 'zstd' else kind}", bytes(wrong))
    assert len(docs) > 800
    assert unread
    assert [doc["id"] for doc in docs][:800] == [f"r{at}" for at in range(800)]


@pytest.mark.parametrize("kind", ["gz", "zst", "lz4"])
def test_lines_behind_a_damaged_frame_are_read(open_file, kind):
    import gzip

    text = b"".join(b'{"text": "line %d %d"}\n' % (at, at * 7919) for at in range(1000))
    pieces = [text[at : at + 997] for at in range(0, len(text), 997)]  # lines go across frames
    make = gzip.compress if kind == "gz" else lambda data: pack("zstd" if kind == "zst" else "lz4", data)
    frames = [make(piece) for piece in pieces]
    frames[10] = spoilt(frames[10], {"gz": len(frames[10]) // 2, "zst": len(frames[10]) // 2, "lz4": 8}[kind])
    docs, [lost] = open_file(f"x.jsonl.{kind}", b"".join(frames))
    sound = {json.loads(line)["text"] for line in (text[: 10 * 997].splitlines()[:-1])}
    sound |= {json.loads(line)["text"] for line in text[11 * 997 :].splitlines()[1:]}
    assert sound <= {doc["text"] for doc in docs}
    assert lost.rule == {"gz": "gzip", "zst": "zstd", "lz4": "lz4"}[kind]
    assert lost.bytes > 0


def test_a_file_with_a_dictionary(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    pages = [page(at) for at in range(300)]
    words = zstandard.train_dictionary(20_000, pages)
    packer = zstandard.ZstdCompressor(dict_data=words)
    for raw in (words.as_bytes(), zstandard.compress(words.as_bytes())):
        head = DICTIONARY + len(raw).to_bytes(4, "little") + raw
        (tmp_path / "x.warc.zst").write_bytes(head + b"".join(packer.compress(page) for page in pages))
        assert Stream(tmp_path / "x.warc.zst").take(1 << 30) == b"".join(pages)


@pytest.mark.parametrize("size", [0, 1, 100, 300_000, 9_000_000])
def test_frames_are_what_the_library_reads(tmp_path, size):
    data = bytes(range(256)) * (size // 256 + 1)
    many = pytest.importorskip("zstandard")
    for name, frame in (
        ("z", many.compress(data[:size])),
        ("s", many.ZstdCompressor(write_content_size=False, write_checksum=True).compress(data[:size])),
        ("l", pa.Codec("lz4").compress(data[:size], asbytes=True)),
    ):
        (tmp_path / name).write_bytes(frame * 3 + b"\x53\x2a\x4d\x18\x03\0\0\0abc")
        stream = Stream(tmp_path / name)
        assert stream.take(1 << 30) == data[:size] * 3
        assert stream.damage is None

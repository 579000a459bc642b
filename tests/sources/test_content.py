"""Bodies that are no text, whatever the server calls them."""

import gzip
import random
import struct
import zlib

import pytest
from test_warc import http, record, rules

from datacurate.sources._content import MAGIC, binary
from datacurate.sources.html import Html
from datacurate.sources.warc import Warc

PAGE = b"<html><body><p>The harbour was dredged again this spring.</p></body></html>"
BINARY = {
    "PDF": b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "GIF": b"GIF89a\1\0\1\0",
    "RIFF (WebP, WAV, AVI)": b"RIFF\x24\0\0\0WEBPVP8 ",
    "MP4": struct.pack(">I", 24) + b"ftypisom\0\0\2\0",
    "ZIP": b"PK\3\4\x14\0\0\0",
    "gzip": gzip.compress(PAGE),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "bytes that no text has": zlib.compress(random.Random(1).randbytes(2000)),
}
TEXTS = [
    b"",
    PAGE,
    "Grüße".encode("utf-16"),
    "<html>" + "Grüße aus Köln " * 9,
    ("<html>" + "Grüße aus Köln " * 9).encode("utf-16-le"),
    ("<html>" + "Grüße aus Köln " * 9).encode("utf-16-be"),
    ("<html><p>" + "これは文字コードを調べるための短い文章です。" * 9).encode("utf-16-le"),
    ("<html>" + "Grüße aus Köln " * 9).encode("utf-32-le"),
    ("<p>" + "これは文字コード" * 50).encode("iso2022_jp"),
    ("<p>" + "이 페이지는" * 50).encode("iso2022_kr"),
    ("<p>" + "Кодировка страницы" * 50).encode("cp866"),
    ("<p>" + "这是一个没有声明编码的网页" * 50).encode("gb18030"),
    b"\0" * 2 + PAGE * 20,
    PAGE + b"\x0c\x0c\x0b",
    b"MZ is short for Mark Zbikowski",
    b"PK is no archive",
    b"BZh is no archive, II* is no image, and OTTO is a name",
]


def test_every_magic_number_is_told_by_name():
    for kind, data in BINARY.items():
        assert binary(data[:1024]) == kind
    assert set(BINARY) - {"bytes that no text has"} <= {name for name, _ in MAGIC}


@pytest.mark.parametrize("text", TEXTS)
def test_text_in_any_encoding_is_none(text):
    data = text.encode() if isinstance(text, str) else text
    assert binary(data[:1024]) == ""


@pytest.mark.parametrize("type", ["text/html; charset=utf-8", "text/plain", ""])
@pytest.mark.parametrize("kind", [kind for kind in BINARY if kind != "gzip"])
def test_binary_responses_are_dropped(kind, type, tmp_path, read):
    head = f"HTTP/1.1 200 OK\r\n{f'Content-Type: {type}' if type else 'X: y'}\r\n\r\n".encode()
    file = tmp_path / "x.warc"
    file.write_bytes(record(head + BINARY[kind], id="bad") + record(http(PAGE), id="good"))
    rows, unread, _ = read(Warc(path=str(file)), file)
    assert [row["id"] for row in rows] == ["good"]
    assert rules(unread) == [("dropped", "not_html")]
    assert unread[0].error == f"content is {kind}"


def test_gzip_that_no_header_names_is_undone(tmp_path, read):
    file = tmp_path / "x.warc"
    file.write_bytes(record(http(BINARY["gzip"]), id="page") + record(http(gzip.compress(BINARY["PDF"])), id="pdf"))
    rows, unread, _ = read(Warc(path=str(file)), file)
    assert [(row["id"], row["html"]) for row in rows] == [("page", PAGE)]
    assert [(one.id, one.error) for one in unread] == [("pdf", "content is PDF")]


def test_binary_files_of_a_folder_are_dropped(tmp_path, everything):
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "binary.html").write_bytes(bytes(range(256)) * 3000)
    (tmp_path / "pdf.html").write_bytes(BINARY["PDF"])
    docs, unread = everything(Html(path=str(tmp_path)))
    assert [row["id"] for row in docs] == ["a.html"]
    assert sorted((one.id, one.fate, one.rule) for one in unread) == [
        ("binary.html", "dropped", "not_html"),
        ("pdf.html", "dropped", "not_html"),
    ]


def test_conversions_are_taken_for_what_they_say(tmp_path, read):
    kinds = ("text/plain", "text/html; charset=koi8-r", "application/pdf", "", "text/markdown", "application/xhtml+xml")
    file = tmp_path / "x.wet"
    blocks = [
        record(PAGE, "conversion", id=f"c{at}", more=f"Content-Type: {kind}\r\n") for at, kind in enumerate(kinds)
    ]
    file.write_bytes(b"".join(blocks))
    rows, unread, _ = read(Warc(path=str(file)), file)
    assert [(row["id"], row["text"] is None, row["charset"], row["content_type"]) for row in rows] == [
        ("c0", False, None, "text/plain"),
        ("c1", True, "koi8-r", "text/html"),
        ("c3", False, None, "text/plain"),
        ("c4", False, None, "text/plain"),
        ("c5", True, None, "application/xhtml+xml"),
    ]
    assert [(one.id, one.rule, one.error) for one in unread] == [("c2", "not_html", "content type application/pdf")]

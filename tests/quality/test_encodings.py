"""Files of chardet's test collection, folder name = encoding: how many are decoded right, by us and by two others.

Right means: the text equals the one that the folder's encoding makes (Python's codec; a byte order mark does not
count). Once with what the files declare of themselves, once with all declarations made empty, which is detection alone.
The model has not seen these files (scripts/train_charset.py).
"""

import codecs
import re
import zipfile

import pytest

from datacurate.stages._charset import decoded

FLOOR, FLOOR_UNDECLARED = 211, 211
"""Of 217. Four others are GB2312 files: Python's `gb2312` makes U+30FB of the middle dot, browsers and we U+00B7."""
DECLARATION = re.compile(rb"(encoding|charset)(\s*=\s*[\"']?\s*)[\w-]+", re.I)


def encoding_of(folder):
    """The codec that a folder's name (`windows-1251-russian`) begins with."""
    parts = folder.split("-")
    for count in range(len(parts), 0, -1):
        name = {"MacCyrillic": "mac_cyrillic", "MacRoman": "mac_roman"}.get(folder, "-".join(parts[:count]))
        try:
            return codecs.lookup(name).name
        except LookupError:
            continue
    raise AssertionError(folder)


@pytest.fixture(scope="module")
def files(shared):
    """Codec, bytes and right text of each file."""
    found = []
    with zipfile.ZipFile(shared / "encodings_a.zip") as archive:
        for name in sorted(archive.namelist()):
            folder, slash, file = name.partition("/")
            if slash and file:
                data = archive.read(name)
                codec = encoding_of(folder)
                found.append((codec, data, data.decode(codec, "replace")))
    return found


def undeclared(files):
    """The same without their own declarations."""
    blank = [(codec, DECLARATION.sub(rb"\1\2", data)) for codec, data, _ in files]
    return [(codec, data, data.decode(codec, "replace")) for codec, data in blank]


def right(files, decode):
    """How many files a function decodes right."""
    return sum(decode(data).lstrip("\ufeff") == text.lstrip("\ufeff") for _, data, text in files)


def by_resiliparse(data):
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    return bytes_to_str(data, detect_encoding(data, from_html_meta=True))


def by_charset_normalizer(data):
    return str(pytest.importorskip("charset_normalizer").from_bytes(data).best())


def ours(data):
    return decoded(data, None)


@pytest.mark.shared
def test_more_files_are_decoded_right_than_by_others(files):
    assert len(files) == 217
    mine = right(files, ours)
    assert mine >= FLOOR
    assert mine >= right(files, by_resiliparse)
    assert mine >= right(files, by_charset_normalizer)


@pytest.mark.shared
def test_detection_alone(files):
    files = undeclared(files)
    mine = right(files, ours)
    assert mine >= FLOOR_UNDECLARED
    assert mine >= right(files, by_resiliparse)
    assert mine >= right(files, by_charset_normalizer)


@pytest.mark.shared
@pytest.mark.parametrize("header", ["utf-8", "iso-8859-1", "windows-1251", "gb2312", "euc-kr", "x-user-defined"])
def test_a_wrong_header_spoils_little(files, header):
    """Servers that send one charset for all pages; the files keep no declaration of their own."""
    files = undeclared(files)
    assert right(files, lambda data: decoded(data, header)) >= right(files, ours) - 4

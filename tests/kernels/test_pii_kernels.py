# ruff: noqa: RUF001
"""Kernels of personal data against slow twins, and over arbitrary bytes."""

import ipaddress
import itertools
import random
import re
import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import pii
from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.kernels.pii_bytes import KINDS
from datacurate.kernels.pii_fold import Folded
from datacurate.stages._pii_find import find
from datacurate.stages._pii_keys import KEYS
from datacurate.stages._pii_tables import tables
from tests.kernels import oracle_pii as oracle

PIECES = st.sampled_from(
    ["a", "Z", "é", "中", "٤", "４", "＠", "．", "\u00a0", "–", " ", " ", "\n", ".", "-", "_", "@",
     ":", "=", '"', "'", "(", ")",
     "+", "/", "?", "&", "%", "0", "1", "4", "9", "12", "123", "1234", "4929", "8.8", "41.5", "foo", "bar.com", "x.org",
     "://", "password", "token", "key", "phone", "card", "GB59", "AKIA", "ghp_", "eyJ",
     "-----BEGIN RSA PRIVATE KEY-----",
     "-----END ", "::", "2a00:", "fe80", "ssn", "passport", "A1234567", "123-45-6789", "xoxb-", "hunter2"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)
EVERY = tuple(kind for kind in KINDS if kind not in ("name", "address"))


def spans(text: pa.Array, kinds=EVERY, entropy=False, limit=1000) -> list[tuple[int, str, int, int]]:
    found = find(text, kinds, None, ("US", "GB", "FR"), False, entropy, True, limit)
    columns = (found.doc, found.kind, found.start, found.end)
    return [(d, KINDS[k], a, b) for d, k, a, b in zip(*(c.tolist() for c in columns), strict=True)]


def written(text: str, kind: str) -> list[str]:
    """What is found of one kind, alone."""
    data = text.encode()
    return [data[a:b].decode() for _, _, a, b in spans(pa.array([text]), (kind,))]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=80) | TEXTS.map(str.encode), max_size=5), st.booleans())
def test_any_bytes(texts, entropy):
    """Spans are in order, apart, not empty, and inside their documents; documents do not look at each other."""
    found = spans(pa.array(texts, pa.binary()), entropy=entropy)
    for (doc, _, _, end), (after, _, start, _) in itertools.pairwise(found):
        assert doc < after or end <= start
    assert all(0 <= a < b <= len(texts[doc]) for doc, _, a, b in found)
    alone = [(at, *s[1:]) for at, one in enumerate(texts) for s in spans(pa.array([one], pa.binary()), entropy=entropy)]
    assert found == alone


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_sliced_and_large(texts):
    plain = spans(pa.array(texts, pa.string()))
    assert spans(pa.array(["x@y.com", *texts, "p"], pa.large_string()).slice(1, len(texts))) == plain


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_fold(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    folded = Folded(*bytes_and_offsets(pa.array(texts, pa.string())))
    for doc, text in enumerate(texts):
        mine = bytes(folded.data[folded.offsets[doc] : folded.offsets[doc + 1]]).decode()
        assert mine == oracle.fold(text)
        places = [len(mine[:at].encode()) for at in range(len(mine) + 1)]
        back = folded.original(np.full(len(places), doc), np.array(places, np.int32))
        assert back.tolist() == [len(text[:at].encode()) for at in range(len(text) + 1)]


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_like_datatrove(text):
    text = text.encode("utf-8", "ignore").decode()
    found = pii.like_datatrove(pa.array([text]), True, True, True)
    data = text.encode()
    mine = [
        (KINDS[k], len(data[:a].decode()), len(data[:b].decode()))
        for k, a, b in zip(found.kind, found.start, found.end, strict=True)
    ]
    assert mine == oracle.like_datatrove(text)


def test_addresses():
    """Random addresses, among them many of networks that are special."""
    rng = random.Random(2)
    special = [0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 240, 255, 8, 1]
    for _ in range(5_000):
        first = rng.choice(special) if rng.random() < 0.5 else rng.randrange(256)
        rest = [
            rng.choice([0, 1, 2, 8, 9, 16, 31, 51, 64, 88, 100, 113, 168, 254, rng.randrange(256)]) for _ in range(3)
        ]
        address = ".".join(map(str, [first, *rest]))
        assert (written(f"at {address} now", "ip") == []) == oracle.stays(address), address


def test_addresses_of_version_6():
    """Long and short forms; short ones are found where addresses are given out."""
    rng = random.Random(3)
    heads = [0x2001, 0x2002, 0x2A00, 0x3FFF, 0xFE80, 0xFC00, 0xFF02, 0x64, 0x100, 0, 0x6E40, 0xFEC0]
    for _ in range(3_000):
        groups = [
            rng.choice(heads),
            *(rng.choice([0, 1, 3, 4, 0x10, 0x20, 0xDB8, 0x112, 0xFF9B, rng.randrange(65536)]) for _ in range(7)),
        ]
        address = ipaddress.IPv6Address(b"".join(g.to_bytes(2, "big") for g in groups))
        for text in (str(address), ":".join(f"{g:x}" for g in groups), address.exploded):
            public = not oracle.stays6(str(address))
            if "::" in text:
                public &= 0x2000 <= groups[0] < 0x4000
            if max(len(g) for g in text.split(":")) < 3 or text.count(":") < 2:
                continue
            assert (written(f"ip {text}, now", "ip") == [text]) == public, text


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789 -./x", max_size=40), st.integers(0, 10**9))
def test_cards(noise, seed):
    """Numbers with right check digits among digits and separators."""
    rng = random.Random(seed)
    prefix = rng.choice(["4", "51", "2221", "34", "36", "6011", "3530", "62", "1800", "5018", "9"])
    digits = prefix + "".join(rng.choice(string.digits) for _ in range(rng.choice([13, 14, 15]) - len(prefix)))
    digits += next(d for d in string.digits if oracle.luhn(digits + d))
    join = rng.choice(["", " ", "-"])
    sizes = [4, 6, 5] if len(digits) == 15 else [4, 4, 4, 4]
    groups = [digits[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(len(sizes))]
    text = f"{noise} , {join.join(g for g in groups if g)} , {noise}"
    data = text.encode()
    mine = [("card", a, b) for _, _, a, b in spans(pa.array([text]), ("card",))]
    from datacurate.stages._pii_find import _TEST_CARDS

    expected = [s for s in oracle.cards(text) if re.sub(r"\D", "", data[s[1] : s[2]].decode()) not in _TEST_CARDS]
    assert [s for s in mine if s[1] >= len(noise)] == [s for s in expected if s[1] >= len(noise)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["GB", "DE", "FR", "NO", "MT", "US"]), st.integers(0, 10**9), st.booleans(), st.integers(0, 2))
def test_ibans(country, seed, grouped, wrong):
    rng = random.Random(seed)
    size = oracle.IBANS.get(country, 22)
    body = "".join(rng.choice(string.digits + string.ascii_uppercase) for _ in range(size - 4))
    key = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
    number = f"{country}{(key + wrong) % 100:02d}{body}"
    shown = " ".join(number[at : at + 4] for at in range(0, size, 4)) if grouped else number
    assert (written(f"to {shown}.", "iban") == [shown]) == oracle.is_iban(shown)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.prefix)
def test_keys(key):
    """Every key of the table is found at its least and most length, and not with a character less or more."""
    rng = random.Random(7)
    alphabet = {1: string.ascii_uppercase + string.digits, 8: "0123456789abcdef"}.get(
        key.chars, string.ascii_letters + string.digits
    )
    for size in {key.least, key.most}:
        body = "a1B2" if key.chars not in (1, 8) else {1: "A1B2", 8: "a1b2"}[key.chars]
        body += "".join(rng.choice(alphabet) for _ in range(size - 4))
        secret = key.prefix + body
        assert written(f"use {secret} now", "key") == [secret]
        assert written(f"use x{secret} now", "key") != [f"x{secret}"]
    short = key.prefix + "a1B2" + "7" * (key.least - 5)
    assert written(f"use {short} now", "key") != [short]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 20), st.integers(1, 8)), max_size=20))
def test_settled(rows):
    rows = [(doc, kind, start, start + size) for doc, kind, start, size in rows]
    columns = np.array([(d, k, 0, a, b, 1) for d, k, a, b in rows], np.int32).reshape(-1, 6)
    made = pii.settled(pii.Spans(*(columns[:, at] for at in range(6)), np.zeros(3, np.int64)))
    mine = list(zip(made.doc.tolist(), made.kind.tolist(), made.start.tolist(), made.end.tolist(), strict=True))
    assert mine == oracle.settled(rows)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | st.text(max_size=20), max_size=5), st.data())
def test_splice(texts, data):
    """Pieces put in place of bytes, as slices do it."""
    at, starts, ends, pieces, expected = [0], [], [], [], []
    for text in texts:
        raw = (text or "").encode("utf-8", "ignore")
        cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6))) if raw else []
        made, place = b"", 0
        for a, b in zip(cuts[::2], cuts[1::2], strict=False):
            piece = data.draw(st.sampled_from([b"", b"<X>", "é".encode()]))
            made += raw[place:a] + piece
            starts.append(a), ends.append(b), pieces.append(piece)
            place = b
        expected.append(made + raw[place:])
        at.append(len(starts))
    array = pa.array([None if t is None else t.encode("utf-8", "ignore") for t in texts], pa.binary())
    given_ = (np.array(at), np.array(starts, np.int32), np.array(ends, np.int32))
    made, new_starts, new_ends = pii.splice(array, *given_, pieces)
    raw = [one.as_buffer().to_pybytes() if one.is_valid else b"" for one in made.cast(pa.binary())]
    assert raw == expected and made.null_count == array.null_count
    for doc, (a, b) in enumerate(itertools.pairwise(at)):
        assert [raw[doc][x:y] for x, y in zip(new_starts[a:b], new_ends[a:b], strict=True)] == pieces[a:b]


HOSTILE = {
    "digits": "1234567890", "ats": "@", "dots": ".", "a@": "a@", "colons": "a:", "equals": "token=", "plus": "+1",
    "groups": "12-", "quads": "1.2.3.", "phones": "+1 212 456 7890 ", "calls": "call 123 4567 ", "urls": "a://b:",
    "keys": "AKIA", "blocks": "-----BEGIN RSA PRIVATE KEY-----\n", "spaces": " ", "full-width": "４",
    "options": "--password ", "typed": "mysql -p", "spelled": "a [at] b [dot] ",
    "encoded": "a%40b.", "elements": "<pass>", "headers": "token: basic ", "beside": "secret=value=", "words": "phone ",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_are_linear(name):
    """Twice the text takes about twice the time: four times would be quadratic."""
    import time

    def seconds(size: int) -> float:
        text = pa.array([(HOSTILE[name] * (size // len(HOSTILE[name]) + 1))[:size]])
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            spans(text)
            best = min(best, time.process_time() - start)
        return best

    spans(pa.array(["x"]))
    small, large = seconds(1_000_000), seconds(8_000_000)
    assert large < 24 * small + 0.2 and large < 20


def test_limit_counts_what_is_not_checked():
    text = pa.array(["+1 212 456 7890 " * 50, "+1 212 456 7890"])
    proposed, _ = pii.scan(text, tables(EVERY, None, False), 20)
    assert proposed.lost.tolist() == [30, 0] and (proposed.doc == 0).sum() == 20

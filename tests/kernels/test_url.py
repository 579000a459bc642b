"""Addresses, ban lists and banned words against the slow twins."""

from __future__ import annotations

import re
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels import url, url_forms, url_lists, url_words
from tests.kernels import oracle_url as oracle
from tests.kernels import text_samples

PARTS = [
    "http:", "https://", "HTTP://", "//", "/", "\\", "ftp://", "mailto:", "x+y:", "example.com", "Sub.", "www.",
    "com", "a", ".", "..", "/../", "/./", "%2e%2E", "%41", "%2f", "%", "%zz", "?", "#", "&", "q=1", ":", ":80",
    ":99999", "@", "user:pw@", "[::1]", "[", "]", "1", "0x7f", "017", "255", "256", "4294967295", "b\u00fccher",
    "\u3002", "\uff21", "xn--bcher-kva", " ", "\t", "\n", "\x00", "<", "a" * 64, "\u00ad", "localhost", "é",
    "\uff48ttp", "%2F",
]  # fmt: skip
composed = st.lists(st.sampled_from(PARTS), max_size=9).map(lambda parts: "".join(parts).encode())
anything = st.one_of(st.none(), composed, composed, st.binary(max_size=20), text_samples.anything)


def forms(found):
    named = {url.MISSING: "missing", url.BAD: "bad"}
    text = found.text.tobytes()
    for start, host, end, state in zip(*(one.tolist() for one in found[1:]), strict=True):
        yield named.get(state) or (text[start:host], text[host:end])


@given(st.lists(anything, max_size=6), st.booleans())
@example(
    [b"http://[0:0::1]/a", b"http://B\xc3\xbccher.EXAMPLE:80/./b/../%41", b"1.2.3", b"12", b"//1", b"http://\xff/"],
    False,
)
@example([b"http://a.com/..", b"a.b/./..?x/../y", b"http:\\\\a.b\\c", b"tel:123", b"localhost:80", b"file:///a"], True)
@example([b"[::].", b"http://[::]./a", b"[::]"], False)
@settings(max_examples=2000, deadline=None)
def test_forms_equal_the_oracle(rows, bare):
    found = url.addresses(pa.array(rows, pa.binary()), bare)
    assert list(forms(found)) == [oracle.normalised(row, bare) for row in rows]


QUERIES = [
    *PARTS,
    "utm_source=x",
    "UTM_a",
    "&id=1",
    "?a=%7e%C3",
    "fbclid=",
    "=",
    "&&",
    "www.example.org",
    "aB",
    ":0443",
]
queried = (
    st.lists(st.sampled_from(QUERIES), max_size=9).map(lambda parts: "http://a.b/" + "".join(parts)).map(str.encode)
)


@given(st.lists(st.one_of(anything, queried), max_size=6), st.booleans())
@example(["http://www.b\u00fccher.de:8080/a//?utm_x=1&b=%c3%A4&&fbclid=2#c".encode(), b"//1:080?", b"[::1]:81/"], True)
@settings(max_examples=1000, deadline=None)
def test_forms_for_dedup_equal_the_oracle(rows, www):
    names = ("utm_*", "FBclid")
    found = url_forms.forms(pa.array(rows, pa.binary()), names, www)
    text = found.text.tobytes()
    spans = zip(found.starts.tolist(), found.ends.tolist(), found.states.tolist(), strict=True)
    got = [text[a:b] if state == url.FINE else None for a, b, state in spans]
    assert got == [oracle.form(row, names, www) for row in rows]


def test_a_long_address_takes_linear_time():
    started = time.perf_counter()
    for part in (b"&", b"a=1&", b"%41", b"/", b"\xff", b"utm_a&"):
        url_forms.forms(pa.array([b"http://a.b/?" + part * (2_000_000 // len(part))], pa.large_binary()), ("utm_*",))
    assert time.perf_counter() - started < 20


@given(st.lists(anything, max_size=6))
@settings(max_examples=50, deadline=None)
def test_layout_does_not_matter(rows):
    wanted = list(forms(url.addresses(pa.array([r or b"" for r in rows], pa.binary()))))
    for name, array in text_samples.layouts(rows).items():
        assert list(forms(url.addresses(array))) == wanted, name


@given(st.lists(anything, max_size=6))
@settings(max_examples=300, deadline=None)
def test_a_form_is_its_own_form(rows):
    for form in forms(url.addresses(pa.array(rows, pa.binary()))):
        if isinstance(form, tuple) and b"%" not in form[1] and not re.search(rb"[\x00-\x20#\\]", form[1]):
            again = forms(url.addresses(pa.array([b"http://" + b"".join(form)])))
            assert list(again) == [form]


label = st.sampled_from(["a", "b", "com", "www", "x-y", "1"])
hosts = st.one_of(st.sampled_from(["a.com", "www.a.com"]), st.lists(label, min_size=1, max_size=4).map(".".join))
plain = st.tuples(hosts, st.sampled_from(["", "/", "/a", "/a/b", "/a?b", "/a?b&c", "/ab", "?b"])).map("".join)


@given(*(st.lists(kind, min_size=2, max_size=8) for kind in (hosts, hosts, plain, plain)))
@example(
    ["a.com"],
    ["b.a.com", "com"],
    ["a.com/a?b", "www.b.a.com/a/"],
    ["a.com/a?b&c", "a.com/a?bc", "b.a.com/a/b", "b.a.com/ab"],
)
@settings(max_examples=600, deadline=None)
def test_lists_equal_the_oracle(first, second, listed, asked):
    """Two lists of domains and one of addresses; a bit for each list that bans."""
    bits = np.array([1] * len(first) + [2] * len(second), np.uint8)
    entries = url.addresses(pa.array(first + second, pa.string()), bare=True)
    fine = entries.states == url.FINE
    domains = url_lists.listed(url_lists.domain_hashes(entries), bits[fine])
    banned = url.addresses(pa.array([f"//{one}" for one in listed], pa.string()))
    fine = banned.states == url.FINE
    addresses = url_lists.listed(url_lists.address_hashes(banned), np.ones(fine.sum(), np.uint8))
    rows = [f"http://{one}" for one in asked]
    found = url_lists.find_listed(url.addresses(pa.array(rows, pa.string())), domains, addresses)

    def canonical(entries, prefix):
        made = [oracle.normalised((prefix + one).encode(), True) for one in entries]
        return [one for one in made if isinstance(one, tuple)]

    sets = [{host for host, _ in canonical(one, "")} for one in (first, second)]
    bans = {re.sub(rb"^www\.(?=[^/?])", b"", b"".join(one)) for one in canonical(listed, "//")}
    for at, row in enumerate(rows):
        form = oracle.normalised(row.encode())
        wanted = [0, 0]
        if isinstance(form, tuple):
            above = oracle.domains_above(form[0])
            wanted = [
                sum(1 << n for n, one in enumerate(sets) if above & one),
                int(bool(oracle.beginnings(b"".join(form)) & bans)),
            ]
        assert [int(one[at]) for one in found] == wanted, (row, first, second, listed)


def test_many_lists_keep_their_bits_apart():
    names = [f"d{n}.example" for n in range(60)]
    entries = url.addresses(pa.array(names))
    table = url_lists.listed(url_lists.domain_hashes(entries), np.uint64(1) << np.arange(60, dtype=np.uint64))
    none = url_lists.listed(np.empty(0, np.uint64), np.empty(0, np.uint64))
    found, _ = url_lists.find_listed(url.addresses(pa.array([f"http://x.{name}/" for name in names])), table, none)
    assert found.tolist() == [1 << n for n in range(60)]


def test_hashes_of_a_million_names_differ():
    names = pa.array([f"{n}.example{n % 7}.com" for n in range(1_000_000)])
    assert len(np.unique(url_lists.raw_hashes(names))) == 1_000_000
    assert len(np.unique(url_lists.raw_hashes(names, backwards=True))) == 1_000_000


WORDS = ["sex", "nude", "g-spot", "2 girls", "Ass", "é", "---", "sexy", "ex"]
in_words = st.lists(st.sampled_from([*WORDS, "a", "S", "x", "-", "_", "/", ".", "é", "%20"]), max_size=8).map("".join)


@pytest.mark.parametrize("whose", list(url_words.ALPHABETS))
@given(hard=st.lists(st.sampled_from(WORDS), max_size=3), soft=st.lists(st.sampled_from(WORDS), max_size=3),
       strict=st.lists(st.sampled_from(WORDS), max_size=4), texts=st.lists(in_words, max_size=4))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_words_equal_regular_expressions(whose, hard, soft, strict, texts):
    alphabet = url_words.ALPHABETS[whose]
    joined = whose != "refinedweb"
    encode = lambda some: [one.encode() for one in some]  # noqa: E731
    table, never = url_words.word_table(encode(hard), encode(soft), alphabet, joined)
    parts = url_words.automaton(encode(strict), alphabet)
    found = url_words.find_words(*url.raw_bounds(pa.array(texts, pa.string())), alphabet, table, parts)
    parting = {"fineweb": "[^a-zA-Z0-9]+", "refinedweb": r"[^a-zA-Z0-9_é]+", "datacurate": "[^a-zA-Z0-9é]+"}[whose]
    passed = {"fineweb": "[^a-zA-Z0-9]", "refinedweb": "[-.]", "datacurate": "[-._+ ,]"}[whose]

    def whole(entries):
        return {w for one in entries if (w := re.sub(parting, "", one).lower()) and (joined or len(w) == len(one))}

    assert len(never) == sum(not whole([one]) for one in hard + soft)
    wanted_parts = {re.sub(passed, "", one).lower() for one in strict} - {""}
    for at, text in enumerate(texts):
        seen = set(re.split(parting, text if whose == "fineweb" else text.lower()))
        squeezed = re.sub(passed, "", text).lower()
        ends = {k for word in wanted_parts for k in range(len(squeezed)) if squeezed[: k + 1].endswith(word)}
        assert [int(one[at]) for one in found] == [len(whole(hard) & seen), len(whole(soft) & seen), len(ends)], text


HOSTILE = {
    "slashes": b"http://a.com" + b"/" * 5_000_000,
    "up and up": b"http://a.com" + b"/a/.." * 1_000_000,
    "labels": b"http://" + b"a." * 2_000_000,
    "percent": b"http://a.com/" + b"%" * 5_000_000,
    "host": b"http://" + b"a" * 5_000_000,
    "users": b"http://" + b"a@" * 2_000_000 + b"b.com",
    "digits": b"http://" + b"1" * 5_000_000,
    "foreign": b"http://" + "ü".encode() * 100_000 + b".com",
    "boundaries": b"http://a.com/" + b"a&b?" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear_on_hostile_input(name):
    some = np.arange(1, 9, dtype=np.uint64)
    table = url_lists.listed(some << np.uint64(60), np.ones(8, np.uint8))
    alphabet = url_words.ALPHABETS["datacurate"]
    words, _ = url_words.word_table([b"sex"], [], alphabet, True)
    parts = url_words.automaton([b"aaaaaab", b"ab"], alphabet)
    array = pa.array([b"http://a.com/", HOSTILE[name]], pa.binary())
    for row in range(2):
        started = time.process_time()
        found = url.addresses(array.slice(row))
        url_lists.find_listed(found, table, table)
        url_lists.find_raw(array.slice(row), table, table, table)
        url_words.find_words(found.text, found.starts, found.ends, alphabet, words, parts)
    assert time.process_time() - started < 3

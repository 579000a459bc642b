"""Digests side by side, against hashlib."""

from __future__ import annotations

import time
from hashlib import blake2s

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import blake2s as kernel

SIZES = [0, 1, 7, 8, 63, 64, 65, 127, 128, 129, 1000]


def digest(text: bytes, salt: bytes = bytes(16)) -> bytes:
    return blake2s(text, digest_size=16, salt=salt[:8], person=salt[8:]).digest()


def laid_out(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sizes = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(sizes)
    return np.frombuffer(b"".join(texts), np.uint8), ends - sizes, ends


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), st.sampled_from(SIZES).map(bytes)), max_size=40))
def test_digests_are_hashlib_s(texts):
    assert kernel.digests(*laid_out(texts)).tobytes() == b"".join(map(digest, texts))


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=90), st.integers(0, 2)), min_size=1, max_size=30), st.binary(max_size=9))
def test_salts_are_hashlib_s(made, name):
    texts, which = zip(*made, strict=True)
    salts = [digest(name + bytes([k])) for k in range(3)]
    drawn = np.frombuffer(b"".join(salts), np.uint64).reshape(-1, 2)
    got = kernel.digests(*laid_out(list(texts)), drawn, np.array(which))
    assert got.tobytes() == b"".join(digest(text, salts[k]) for text, k in made)


@pytest.mark.parametrize("size", SIZES)
def test_the_last_bytes_of_the_buffer(size):
    """Blocks are read 64 bytes at a time, but never behind the end."""
    for before in (0, 1, 63, 64, 200):
        texts = [bytes(range(256))[:before], bytes(size), b"\xff" * size]
        assert kernel.digests(*laid_out(texts)).tobytes() == b"".join(map(digest, texts))


def test_one_long_text_among_short_ones_takes_linear_time():
    texts = [b"short"] * 1000 + [bytes(20_000_000)] + [b"other"] * 1000
    arrays = laid_out(texts)
    kernel.digests(*laid_out([b""]))
    started = time.perf_counter()
    got = kernel.digests(*arrays)
    assert time.perf_counter() - started < 5
    assert got[1000].tobytes() == digest(texts[1000]) and got[-1].tobytes() == digest(b"other")

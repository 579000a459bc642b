"""Places between characters against slices of Python's strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels import fill_middle
from datacurate.kernels.arrow import bytes_and_offsets

DRAW = st.floats(0, 1, exclude_max=True)


def slow(text: str, first: float, second: float) -> tuple[str, str, str]:
    """The three parts of a text: with n characters, one of n + 1 places for each draw."""
    a, b = sorted(min(int(u * (len(text) + 1)), len(text)) for u in (first, second))
    return text[:a], text[a:b], text[b:]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), DRAW, DRAW), max_size=6))
@example([("abcdefghijklmnopqrstuvwxyz" * 9, 0.51, 0.49), ("ä" * 17 + "x" * 40 + "\U0001f469" * 5, 0.2, 0.97)])
@example([("", 0.0, 0.9), ("a", 1 - 2**-53, 0.0)])
def test_cuts_between_characters(given):
    data, offsets = bytes_and_offsets(pa.array([text for text, _, _ in given], pa.string()))
    draws = np.array([[a, b] for _, a, b in given]).reshape(-1, 2)
    places = fill_middle.cut(data, offsets[:-1], offsets[1:], draws).tolist()
    raw = bytes(data)
    for (text, *draw), begin, end, (a, b) in zip(given, offsets[:-1], offsets[1:], places, strict=True):
        assert (raw[begin:a].decode(), raw[a:b].decode(), raw[b:end].decode()) == slow(text, *draw)


@settings(deadline=None)
@given(st.binary(max_size=80), DRAW, DRAW)
def test_any_bytes(raw, first, second):
    """What is not UTF-8 counts a character for each byte."""
    data = np.frombuffer(raw, np.uint8)
    ((a, b),) = fill_middle.cut(data, [0], [len(raw)], np.array([[first, second]])).tolist()
    units = []
    while raw:
        width = next((w for w in (1, 2, 3, 4) if _is_character(raw[:w])), 1)
        units.append(width)
        raw = raw[width:]
    low, high = sorted(min(int(u * (len(units) + 1)), len(units)) for u in (first, second))
    assert (a, b) == (sum(units[:low]), sum(units[:high]))


def _is_character(some: bytes) -> bool:
    try:
        return len(some.decode()) == 1
    except UnicodeDecodeError:
        return False

"""`lower`, against `str.lower()`."""

import time

import numpy as np
import oracle
import pytest
import text_samples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels.arrow import read_only
from datacurate.kernels.lower import cases, lower

SIGMAS = st.text("Σ\u03c3ςaβ \u0301\u00b7'.\u02b0İ1\n\u00adǅ", max_size=20).map(str.encode)
"""Sigmas among letters, and among what does not count in deciding whether a word ends."""


def lowered(document: bytes) -> bytes:
    data = read_only(np.frombuffer(b"A" + document + b"A", np.uint8))
    out = np.empty(2 * len(document) + 16, np.uint8)
    end = lower(data, 1, len(document) + 1, *cases(), out, 3)
    return out[3:end].tobytes()


@given(st.one_of(text_samples.anything, text_samples.mixed_bytes, SIGMAS, st.tuples(SIGMAS, SIGMAS).map(b"\xce".join)))
@example("ΑΣ".encode())
@example("ΓΣΓ Σ Σ\u0301 Γ'Σ' ΓΣ.Γ".encode())
@example("ABCDEFGHIJKLMNOPQRSTUVWXYZ[@`{ ÀȺİK".encode())
@settings(max_examples=600, deadline=None)
def test_equals_python_s(document):
    assert lowered(document) == oracle.encoded(oracle.decoded(document).lower())


def test_every_character():
    for first in range(0, 0x110000, 0x1000):
        text = "".join(chr(point) for point in range(first, first + 0x1000) if not 0xD800 <= point <= 0xDFFF)
        assert lowered(text.encode()) == text.lower().encode()


@pytest.mark.parametrize("text", ["Σ" * 2_000_000, ("Σ" + "\u0301" * 5_000) * 400, "\u0301" * 2_000_000 + "Σ" * 9])
def test_time_is_linear_on_hostile_input(text):
    lowered(b"A")
    started = time.process_time()
    lowered(text.encode())
    assert time.process_time() - started < 2

"""vectors against its slow twin, and what must not matter to it: blocks, order of sums, repetition."""

from __future__ import annotations

import time

import numpy as np
import oracle_vectors as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import vectors


def unit(rng, count, size=8, subjects=5, spread=0.3):
    """Unit vectors around a few directions."""
    centres = rng.normal(size=(subjects, size))
    made = centres[rng.integers(0, subjects, count)] + spread * rng.normal(size=(count, size))
    return vectors.whole(made / np.linalg.norm(made, axis=1, keepdims=True))


SETS = st.builds(
    lambda seed, count, size, subjects, spread: unit(np.random.default_rng(seed), count, size, subjects, spread),
    st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 9), st.integers(1, 6), st.sampled_from([0, 0.1, 0.5, 2]),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(SETS, st.floats(-1, 1), st.integers(1, 7))
def test_stars_equal_all_pairs(points, threshold, block):
    expected = oracle.stars(points, threshold)
    for size in (block, 1024):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(vectors, "BLOCK", size)
            patched.setattr(vectors, "CELLS", size * 3)
            survivors, similarities = vectors.stars(points, threshold)
        assert list(zip(survivors.tolist(), similarities.tolist(), strict=True)) == expected


@settings(deadline=None, max_examples=150)
@given(SETS, SETS, st.integers(1, 50))
def test_nearest_and_kmeans_equal_their_twins(points, others, cells):
    size = min(points.shape[1], others.shape[1])
    points, others = points[:, :size].copy(), others[:, :size].copy()
    points[:, 0] |= 1
    others[:, 0] |= 1
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(vectors, "CELLS", cells)
        numbers, values = vectors.nearest(points, others)
        centres = vectors.kmeans(points, 4)
    assert list(zip(numbers.tolist(), values.tolist(), strict=True)) == oracle.nearest(points, others)
    assert [tuple(row) for row in centres.tolist()] == oracle.kmeans(points, 4)


def test_cosines_are_exact():
    """1,024 dimensions, every component at its greatest: nothing is rounded, so no order of adding matters."""
    rng = np.random.default_rng(1)
    points = unit(rng, 60, 1024, 3, 0.01)
    whole = vectors.cosines(points, points)
    shuffled = rng.permutation(1024)
    assert (vectors.cosines(points[:, shuffled], points[:, shuffled]) == whole).all()
    assert (np.vstack([vectors.cosines(points[i : i + 1], points) for i in range(60)]) == whole).all()
    assert (np.diag(whole) == 1).all()
    assert whole[3, 7] == oracle.cosine(points[3], points[7])


def test_rounding_to_16_bits_costs_little():
    rng = np.random.default_rng(2)
    exact = rng.normal(size=(200, 384))
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    points = vectors.whole(exact)
    assert np.abs(vectors.cosines(points, points) - exact @ exact.T).max() < 1e-4


def test_survivors_are_kept_and_no_chain_removes():
    """A chain of small steps: each is like the next, the ends are not; what goes is like what stays."""
    angles = np.linspace(0, 1.5, 40)
    chain = vectors.whole(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    survivors, similarities = vectors.stars(chain, 0.99)
    gone = survivors >= 0
    assert 0 < gone.sum() < 39 and (survivors[survivors[gone]] == -1).all()
    assert (similarities[gone] >= 0.99).all()
    kept = np.flatnonzero(~gone)
    among = vectors.cosines(chain[kept], chain[kept])
    assert (among[np.triu_indices(len(kept), 1)] < 0.99).all()


def test_clusters_are_found():
    rng = np.random.default_rng(3)
    centres = np.eye(6)
    made = np.repeat(centres, 50, axis=0) + 0.05 * rng.normal(size=(300, 6))
    points = vectors.whole(made / np.linalg.norm(made, axis=1, keepdims=True))[rng.permutation(300)]
    found = vectors.kmeans(points, 40)
    assert len(found) == 40 and vectors.nearest(points, found)[1].min() > 0.98
    assert len(vectors.kmeans(np.repeat(points[:3], 9, axis=0), 40)) == 3


def test_copies_take_linear_time():
    point = unit(np.random.default_rng(4), 1, 384)
    times = []
    for count in (10_000, 40_000):
        start = time.perf_counter()
        survivors, similarities = vectors.stars(np.repeat(point, count, axis=0), 1.0)
        times.append(time.perf_counter() - start)
        assert survivors[0] == -1 and (survivors[1:] == 0).all() and (similarities[1:] == 1).all()
    assert times[1] < 8 * times[0]

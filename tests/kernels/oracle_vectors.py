"""The kernels of semantic deduplication again, slow and obvious: whole numbers of Python, one pair at a time."""

from __future__ import annotations

import math


def cosine(one, other) -> float:
    def product(a, b):
        return sum(int(x) * int(y) for x, y in zip(a, b, strict=True))

    return product(one, other) / math.sqrt(float(product(one, one)) * float(product(other, other)))


def nearest(vectors, centroids) -> list[tuple[int, float]]:
    found = []
    for vector in vectors:
        all_ = [cosine(vector, centroid) for centroid in centroids]
        found.append((all_.index(max(all_)), max(all_)))
    return found


def stars(vectors, threshold) -> list[tuple[int, float]]:
    """For every vector its survivor (or -1) and their cosine, all pairs looked at."""
    kept, found = [], []
    for at, vector in enumerate(vectors):
        alike = [(cosine(vector, vectors[other]), -other) for other in kept]
        best, other = max(alike, default=(-2.0, 0))
        if best >= threshold:
            found.append((-other, best))
        else:
            found.append((-1, 0.0))
            kept.append(at)
    return found


def kmeans(vectors, count, rounds=100) -> list[tuple[int, ...]]:
    vectors = [tuple(map(int, vector)) for vector in vectors]
    centroids = list(dict.fromkeys(vectors))[:count]
    for _ in range(rounds if len(centroids) > 1 else 1):
        mine = [number for number, _ in nearest(vectors, centroids)]
        moved = []
        for number, centroid in enumerate(centroids):
            members = [vector for vector, owner in zip(vectors, mine, strict=True) if owner == number]
            sums = [sum(values) for values in zip(*members, strict=True)] if members else []
            square = 0.0
            for value in sums:
                square += float(value) * float(value)
            moved.append(tuple(round(v * (32767 / math.sqrt(square))) for v in sums) if square else centroid)
        if moved == centroids:
            break
        centroids = moved
    return centroids

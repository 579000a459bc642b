"""The order of a repository's files in which what is needed comes first: DeepSeek-Coder's algorithm 1."""

from __future__ import annotations

import heapq


def components(needs: list[list[int]]) -> list[list[int]]:
    """The connected parts of a graph, each in ascending order, and in the order of their first files."""
    parent = list(range(len(needs)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for a, some in enumerate(needs):
        for b in some:
            low, high = sorted((root(a), root(b)))
            parent[high] = low
    found: dict[int, list[int]] = {}
    for k in range(len(needs)):
        found.setdefault(root(k), []).append(k)
    return list(found.values())


def ordered(needs: list[list[int]]) -> list[list[int]]:
    """The files of each connected part: again and again the one that needs the fewest of those that are left.

    Without cycles that is a topological order; with them it is still an order. Among equals the least number comes
    first, where Guo et al. 2024 (arXiv:2401.14196, algorithm 1) leave it open.
    """
    users: list[list[int]] = [[] for _ in needs]
    for a, some in enumerate(needs):
        for b in some:
            users[b].append(a)
    left = [len(some) for some in needs]
    return [_walk(part, users, left) for part in components(needs)]


def _walk(part: list[int], users: list[list[int]], left: list[int]) -> list[int]:
    waiting = [(left[k], k) for k in part]
    heapq.heapify(waiting)
    made: list[int] = []
    gone = set()
    while waiting:
        k = heapq.heappop(waiting)[1]
        if k in gone:
            continue
        gone.add(k)
        made.append(k)
        for user in users[k]:
            left[user] -= 1
            if user not in gone:
                heapq.heappush(waiting, (left[user], user))
    return made

"""fastText's likeliest label of texts, and its probability: hierarchical softmax and softmax."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from datacurate.kernels.fasttext_sums import add_text, room_for
from datacurate.kernels.memory import borrowing

TINY = 1e-5
"""fastText adds it to what it takes the logarithm of (loss.cc, std_log)."""
DEEPEST = 512
"""Nodes that wait to be looked at; a Huffman tree of counts below 2^63 is at most 90 levels deep."""


@borrowing
def _multiply(hidden, nodes, scores):
    """Products with all output vectors, each added up in the order of fastText."""
    for k in range(len(scores)):
        scores[k] = 0
    for d in range(len(hidden)):
        value = hidden[d]
        for k in range(len(scores)):
            scores[k] += nodes[d, k] * value


@borrowing
def _likeliest_leaf(hidden, tree, nodes, scores, waiting, reached):
    """The leaf of the hierarchical softmax with the highest score, and that score, a logarithm.

    fastText goes left first; going to the likelier side first finds the same leaf, and leaves out more of the tree.
    Of equal leaves the right one wins, as there.
    """
    leaves = nodes.shape[1] + 1
    _multiply(hidden, nodes, scores)
    best, top, depth = -1, np.float32(-math.inf), 1
    waiting[0] = 2 * leaves - 2
    reached[0] = np.float32(0)
    while depth:
        depth -= 1
        node, score = waiting[depth], reached[depth]
        if score < top:
            continue
        if node < leaves:
            if score > top or tree[node, 2] > tree[best, 2]:
                best, top = node, score
            continue
        f = np.float32(1.0 / (1 + math.exp(-scores[node - leaves])))
        left = score + np.float32(math.log(np.float32(np.float32(1.0) - f) + TINY))
        right = score + np.float32(math.log(f + TINY))
        likelier = 1 if right > left else 0
        waiting[depth], reached[depth] = tree[node, 1 - likelier], left if likelier else right
        waiting[depth + 1], reached[depth + 1] = tree[node, likelier], right if likelier else left
        depth += 2
    return best, top


@borrowing
def _likeliest_row(hidden, nodes, scores):
    """The label of the softmax with the highest score, and the logarithm of its probability."""
    _multiply(hidden, nodes, scores)
    best = 0
    for k in range(len(scores)):
        if scores[k] > scores[best]:
            best = k
    top, whole = scores[best], np.float32(0)
    for k in range(len(scores)):
        scores[k] = math.exp(scores[k] - top)
        whole += scores[k]
    return best, np.float32(math.log(np.float32(scores[best] / whole) + TINY))


@njit(nogil=True, cache=True)
def _predict(data, starts, ends, model, nodes, tree, width, labels, logs):
    longest = np.int64(0)
    for t in range(len(starts)):
        longest = max(longest, ends[t] - starts[t])
    room = room_for(longest, width)
    hidden = np.empty(width, np.float32)
    scores = np.empty(nodes.shape[1], np.float32)
    waiting, reached = np.empty(DEEPEST, np.int32), np.empty(DEEPEST, np.float32)
    for t in range(len(starts)):
        hidden[:] = 0
        count, tokens = add_text(data, starts[t], ends[t], model, room, hidden)
        labels[t] = -1
        if not count or not tokens:
            continue
        share = np.float32(1.0 / count)
        for d in range(width):
            hidden[d] *= share
        if len(tree):
            labels[t], logs[t] = _likeliest_leaf(hidden, tree, nodes, scores, waiting, reached)
        else:
            labels[t], logs[t] = _likeliest_row(hidden, nodes, scores)


def predict(model, data, starts, ends) -> tuple[np.ndarray, np.ndarray]:
    """The number of the likeliest label of each span of bytes (-1: no words), and its probability."""
    labels, logs = np.full(len(starts), -1, np.int32), np.full(len(starts), -np.inf, np.float32)
    _predict(data, starts, ends, model.sums, model.nodes, model.tree, model.width, labels, logs)
    return labels, np.minimum(np.exp(logs), np.float32(1))

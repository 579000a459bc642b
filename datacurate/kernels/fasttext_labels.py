"""fastText's likeliest label of texts, and its probability: hierarchical softmax and softmax."""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from datacurate.kernels.fasttext_grams import LANES
from datacurate.kernels.fasttext_sums import add_text, room_for
from datacurate.kernels.memory import borrowing

TINY = 1e-5
"""fastText adds it to what it takes the logarithm of (loss.cc, std_log)."""
SURELY = 0.99
"""A node whose product of chances is less than this share of a leaf's is below it in fastText's sums of logarithms,
too: those are exact to 0.001, and each of at most 90 chances is at most 1 + TINY."""
DEEPEST = 512
"""Nodes that wait to be looked at; a Huffman tree of counts below 2^63 is at most 90 levels deep."""


@intrinsic
def _product16(typing, hidden, width, nodes, columns, at, scores):
    """`scores[at : at + 16]`: products of 16 output vectors with the hidden one, each added up in the order of
    fastText. Never bounds-checked: they exist."""

    def codegen(context, builder, signature, values):
        lane = ir.VectorType(ir.FloatType(), LANES)
        width, columns, at = values[1], values[3], values[4]
        begins = [context.make_array(signature.args[k])(context, builder, values[k]).data for k in (0, 2, 5)]
        sums = cgutils.alloca_once_value(builder, ir.Constant(lane, [0.0] * LANES))
        with cgutils.for_range(builder, width) as loop:
            place = builder.gep(begins[1], [builder.add(builder.mul(loop.index, columns), at)])
            row = builder.load(builder.bitcast(place, lane.as_pointer()), align=4)
            none = ir.Constant(lane, ir.Undefined)
            first = builder.load(builder.gep(begins[0], [loop.index]))
            first = builder.insert_element(none, first, ir.Constant(ir.IntType(32), 0))
            same = builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))
            builder.store(builder.fadd(builder.load(sums), builder.fmul(row, same)), sums)
        where = builder.bitcast(builder.gep(begins[2], [at]), lane.as_pointer())
        builder.store(builder.load(sums), where, align=4)
        return context.get_dummy_value()

    return types.void(hidden, types.int64, nodes, types.int64, types.int64, scores), codegen


@borrowing
def _multiply(hidden, nodes, scores):
    """Products with all output vectors, of which there is a multiple of 16."""
    for at in range(0, len(scores), LANES):
        _product16(hidden, len(hidden), nodes, len(scores), at, scores)


@borrowing
def _straight(tree, scores, path):
    """The leaf that is reached by always going to the likelier side, its score, and whether none can have a higher one.

    So it is for most texts. No branch depends on the text, so that the nodes' logarithms are computed side by side.
    """
    leaves = (len(tree) + 1) // 2
    node, depth = np.int64(2 * leaves - 2), 0
    while node >= leaves:
        score = scores[node - leaves]
        path[depth] = score
        node = np.int64(tree[node, np.int64(score > 0)])
        depth += 1
    score, product, beside = np.float32(0), 1.0, 0.0
    for k in range(depth):
        f = np.float32(1.0 / (1 + math.exp(-path[k])))
        left, right = np.float32(np.float32(1.0) - f) + TINY, f + TINY
        likelier = max(left, right)
        score += np.float32(math.log(likelier))
        beside = max(beside, product * min(left, right))
        product *= likelier
    return node, score, beside < SURELY * product


@borrowing
def _likeliest_leaf(tree, scores, waiting, reached):
    """The leaf of the hierarchical softmax with the highest score, and that score, a logarithm.

    fastText goes left first; going to the likelier side first finds the same leaf, and leaves out more of the tree.
    Of equal leaves the right one wins, as there.
    """
    leaves = (len(tree) + 1) // 2
    best, top, sure = _straight(tree, scores, reached)
    if sure:
        return best, top
    best, top, depth = np.int64(-1), np.float32(-math.inf), 1
    waiting[0] = 2 * leaves - 2
    reached[0] = np.float32(0)
    while depth:
        depth -= 1
        node, score = np.int64(waiting[depth]), reached[depth]
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
def _likeliest_row(scores, labels):
    """The label of the softmax with the highest score, and the logarithm of its probability."""
    best = 0
    for k in range(labels):
        if scores[k] > scores[best]:
            best = k
    top, whole = scores[best], np.float32(0)
    for k in range(labels):
        scores[k] = math.exp(scores[k] - top)
        whole += scores[k]
    return best, np.float32(math.log(np.float32(scores[best] / whole) + TINY))


@njit(nogil=True, cache=True)
def _predict(data, starts, ends, model, nodes, tree, width, outputs, labels, logs):
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
        _multiply(hidden, nodes, scores)
        if len(tree):
            labels[t], logs[t] = _likeliest_leaf(tree, scores, waiting, reached)
        else:
            labels[t], logs[t] = _likeliest_row(scores, outputs)


def predict(model, data, starts, ends) -> tuple[np.ndarray, np.ndarray]:
    """The number of the likeliest label of each span of bytes (-1: no words), and its probability."""
    labels, logs = np.full(len(starts), -1, np.int32), np.full(len(starts), -np.inf, np.float32)
    _predict(data, starts, ends, model.sums, model.nodes, model.tree, model.width, len(model.labels), labels, logs)
    return labels, np.minimum(np.exp(logs), np.float32(1))

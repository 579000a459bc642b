"""Attributes of a tag, in the canonical form: ` name="value"`."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing


@borrowing
def same(data, i, end, word):
    """Whether `data[i:end]` is the word."""
    return end - i == len(word) and starts_with(data, i, end, word)


@borrowing
def starts_with(data, i, end, word):
    """Whether `data[i:end]` starts with the word."""
    if end - i < len(word):
        return False
    for k in range(len(word)):  # noqa: SIM110
        if data[i + k] != word[k]:
            return False
    return True


@borrowing
def attribute(data, i, end, name):
    """Where the value of an attribute starts and ends; `(i, i)` if there is none, or no value."""
    begin = np.int64(i)
    i = np.int64(i)
    end = np.int64(end)
    while i < end:
        if data[i] == 0x3E:
            break
        if data[i] == 0x20:
            i += 1
            continue
        start = i
        while i < end and data[i] != 0x3D and data[i] != 0x3E and data[i] != 0x20:
            i += 1
        stop = i
        if i + 1 >= end or data[i] != 0x3D or data[i + 1] != 0x22:
            if i == start:
                i += 1
            continue
        value = i + 2
        i = value
        while i < end and data[i] != 0x22:
            i += 1
        if same(data, start, stop, name):
            return value, i
        i += 1
    return begin, begin


@borrowing
def number(data, i, end, name, usual):
    """The whole number that an attribute holds, from 0 to 999,999,999; `usual` if it holds none."""
    start, stop = attribute(data, i, end, name)
    if start == stop or stop - start > 9:
        return usual
    made = 0
    for k in range(start, stop):
        if not 0x30 <= data[k] <= 0x39:
            return usual
        made = made * 10 + np.int64(data[k]) - 0x30
    return made

"""Internet addresses: which are public, and where they stand in texts."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    CLASS,
    F_IPV4,
    F_IPV6,
    IP,
    LOWER,
    OPT_PUBLIC,
    SURE,
    UPPER,
    WORDS,
    emit,
    is_alnum,
    is_digit,
    is_word,
    lower,
)
from datacurate.kernels.pii_words import NET_WORDS, VERSION_WORDS, among, near

_CUES = 32
"""Bytes in front of four numbers that are searched for signs of an address: about five words."""
_V4 = (
    ("0.0.0.0", 8), ("10.0.0.0", 8), ("100.64.0.0", 10), ("127.0.0.0", 8), ("169.254.0.0", 16), ("172.16.0.0", 12),
    ("192.0.0.0", 24), ("192.0.2.0", 24), ("192.168.0.0", 16), ("198.18.0.0", 15), ("198.51.100.0", 24),
    ("203.0.113.0", 24), ("240.0.0.0", 4),
)  # fmt: skip
"""Networks of version 4 that are not global (IANA, IPv4 Special-Purpose Address Registry; Python's ipaddress)."""


def _number(address: str) -> int:
    return int.from_bytes(bytes(int(part) for part in address.split(".")), "big")


_BASES = np.array([_number(base) for base, _ in _V4], np.uint32)
_MASKS = np.array([(0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF for _, bits in _V4], np.uint32)


@inlined
def is_global4(address):
    """Whether an address of version 4 is global, as Python's `ipaddress` says. Multicast is, there."""
    if address == 0xC0000009 or address == 0xC000000A:  # 192.0.0.9 and .10, PCP and TURN anycast
        return True
    for k in range(len(_BASES)):  # noqa: SIM110
        if (np.uint32(address) & _MASKS[k]) == _BASES[k]:
            return False
    return True


@borrowing
def is_public6(g):
    """Whether eight groups are an address of version 6 that somebody may have.

    Python's `is_global`, with the registry's later entries (2002::/16, 3fff::/20, 64:ff9b:1::/48) and without multicast
    and site-local addresses. An address of version 4 in it is judged as that.
    """
    first = g[0] | g[1] | g[2] | g[3]
    if first == 0 and g[4] == 0 and (g[5] == 0xFFFF or (g[5] == 0 and (g[6] != 0 or g[7] > 1))):
        address = (g[6] << 16) | g[7]
        return g[5] == 0xFFFF and is_global4(address) and (address >> 28) != 14
    if first == 0 and g[4] == 0 and g[5] == 0 and g[6] == 0:
        return False
    if g[0] == 0x64 and g[1] == 0xFF9B and g[2] == 1:
        return False
    if g[0] == 0x100 and (g[1] | g[2] | g[3]) == 0:
        return False
    if g[0] == 0x2001 and g[1] < 0x200:
        return (
            g[1] == 3
            or (g[1] == 4 and g[2] == 0x112)
            or 0x20 <= g[1] <= 0x3F
            or (g[1] == 1 and (g[2] | g[3] | g[4] | g[5] | g[6]) == 0 and 1 <= g[7] <= 3)
        )
    if (g[0] == 0x2001 and g[1] == 0xDB8) or g[0] == 0x2002 or (g[0] == 0x3FFF and g[1] < 0x1000):
        return False
    return g[0] < 0xFC00 and g[0] != 0x5F00


@borrowing
def octets(data, i, end):
    """End and value of four numbers with dots between them at `i`, none above 255 or with a zero in front; or `i`."""
    p = i
    address = np.int64(0)
    for part in range(4):
        from_ = p
        value = np.int64(0)
        while p < end and p - from_ < 4 and is_digit(data[p]):
            value = value * 10 + (np.int64(data[p]) - 48)
            p += 1
        if p == from_ or p - from_ > 3 or value > 255 or (p - from_ > 1 and data[from_] == 48):
            return i, np.int64(0)
        address = (address << 8) | value
        if part < 3:
            if p >= end or data[p] != 46:
                return i, np.int64(0)
            p += 1
    return p, address


@inlined
def looks_like_version(address):
    """The first two numbers below 20, the third below 64 and the last below 100, as in numbers of versions and
    sections: of public addresses one in 1,600 is so."""
    return (
        (address >> 24) < 20 and ((address >> 16) & 255) < 20 and ((address >> 8) & 255) < 64 and (address & 255) < 100
    )


@borrowing
def is_resolver(address, t):
    """Whether an address is in the sorted list of public name servers."""
    for k in range(t.resolver_count):  # noqa: SIM110
        if t.resolvers[k] == address:
            return True
    return False


@inlined
def looks_like_product_version(address):
    """The first two numbers at most 63, as in versions of products (9.0.124.0, 58.54.100.1): of public addresses one in
    sixteen is so, so that a name must stand in front too."""
    return (address >> 24) < 64 and ((address >> 16) & 255) < 64


@borrowing
def _word_before(data, begin, stop):
    """Where the word that ends at `stop` begins."""
    p = stop
    while p > begin and stop - p < 24 and is_word(data[p - 1]):
        p -= 1
    return p


@borrowing
def _is_named_version(data, begin, i, t):
    """Whether a word such as `v` or `firmware`, or a name and a slash or dash (`Chrome/`), stands right in front."""
    p = i
    if p > begin and (data[p - 1] == 47 or data[p - 1] == 45):  # Chrome/1.2.3.4, lib-1.2.3.4
        return p - 1 > begin and is_alnum(data[p - 2])
    while p > begin and i - p < 3 and data[p - 1] in (32, 58, 61, 46, 40):
        p -= 1
    from_ = _word_before(data, begin, p)
    if p - from_ == 1 and lower(data[from_]) == 118:
        return True
    return from_ < p and among(data, from_, p, t, VERSION_WORDS) and not (p == i and p - from_ > 1)


@borrowing
def _goes_on_as_version(data, stop, end):
    """Whether a suffix stands behind: `-rc1`, `+build.5`."""
    return stop + 1 < end and data[stop] in (43, 45) and (CLASS[data[stop + 1]] & (UPPER | LOWER)) != 0


@inlined
def _after_from(data, begin, i):
    """Whether `from ` stands right in front."""
    return (
        (i - begin == 5 or (i - begin > 5 and not is_word(data[i - 6])))
        and lower(data[i - 5]) == 102
        and lower(data[i - 4]) == 114
        and lower(data[i - 3]) == 111
        and lower(data[i - 2]) == 109
        and data[i - 1] == 32
    )


@borrowing
def _in_network(data, begin, end, i, stop, t, state):
    """Whether an address is meant: `from`, `//` or a word such as `ip` or `host` in front, in the same sentence, a port
    or a mask behind."""
    if i - begin >= 2 and data[i - 1] == 47 and data[i - 2] == 47:
        return True
    if stop + 1 < end and data[stop] in (58, 47) and is_digit(data[stop + 1]):
        return True
    if _after_from(data, begin, i):
        return True
    if not near(data, begin, end, i, _CUES, t, state, NET_WORDS):
        return False
    for k in range(max(begin, state[WORDS + NET_WORDS]), i):  # in `runs on a server. 9.2.1.4` or `ssh (see 9.2.1.4`
        if data[k] in (10, 41, 44, 46, 59) or (data[k] == 40 and k < i - 1):
            return False
    return True


@borrowing
def _behind_product(data, begin, i, t):
    """Whether the name of a product stands in front: 0 no, 1 perhaps (`Flash Player `, `libavcodec `, `pkg@`, or bounds
    such as `>=`), 2 surely (`Exchange Server `). A word of a sentence (`The`) is none, nor is a lonely `Server`."""
    if i == begin:
        return 0
    c = data[i - 1]
    if c == 94 or c == 126:
        return 1
    p = i - 1 if c in (32, 64, 40, 58) else i
    if p > begin and data[p - 1] == 32 and c == 40:
        p -= 1
    if p - begin >= 2 and data[p - 1] == 61 and data[p - 2] in (60, 61, 62, 126, 33):
        return 1
    from_ = _word_before(data, begin, p)
    width = p - from_
    if p == i or width < 2:
        return 0
    if c == 64 or _is_lib(data, from_, width):
        return 1 if c != 58 and not among(data, from_, p, t, NET_WORDS) else 0
    capitals = 0
    for k in range(from_, p):
        capitals += (CLASS[data[k]] & UPPER) != 0
    if c == 58 or capitals == 0 or (width < 4 and capitals < 2):
        return 0
    if not among(data, from_, p, t, NET_WORDS):
        return 1
    stop = from_ - 1  # `Exchange Server`
    if stop <= begin or data[stop] != 32 or width != 6 or (CLASS[data[from_]] & UPPER) == 0:
        return 0
    first = _word_before(data, begin, stop)
    named = stop - first > 2 and (CLASS[data[first]] & UPPER) != 0 and not among(data, first, stop, t, NET_WORDS)
    return 2 if named else 0


@inlined
def _is_lib(data, i, width):
    return width > 4 and lower(data[i]) == 108 and lower(data[i + 1]) == 105 and lower(data[i + 2]) == 98


@borrowing
def _is_version(data, begin, end, i, stop, address, t, state):
    """Whether four numbers are a version rather than an address: by a word right in front, else by what is near and
    by how small they are."""
    if _is_named_version(data, begin, i, t):
        return True
    small = looks_like_version(address)
    if not looks_like_product_version(address):
        return False
    if _goes_on_as_version(data, stop, end):
        return True
    product = _behind_product(data, begin, i, t)
    return product == 2 or ((small or product == 1) and not _in_network(data, begin, end, i, stop, t, state))


@borrowing
def find_ip4(data, begin, end, i, doc, t, out, state, limit):
    """Write down a public address of version 4 at `i`; returns the end of four numbers, or `i`."""
    stop, address = octets(data, i, end)
    if stop == i:
        return i
    if stop < end and (is_word(data[stop]) or (data[stop] == 46 and stop + 1 < end and is_digit(data[stop + 1]))):
        return i
    if i > begin and data[i - 1] == 46 and i - 1 > begin and is_alnum(data[i - 2]):
        return i
    public = (is_global4(address) and (address >> 28) != 14) or not t.options[OPT_PUBLIC]
    if public and not is_resolver(address, t) and not _is_version(data, begin, end, i, stop, address, t, state):
        emit(out, state, limit, doc, IP, F_IPV4, i, stop, SURE)
    return stop


@inlined
def _hex(c):
    if 48 <= c <= 57:
        return np.int64(c) - 48
    c = lower(c)
    return np.int64(c) - 87 if 97 <= c <= 102 else -1


@borrowing
def find_ip6(data, begin, end, colon, doc, t, out, state, limit):
    """Write down a public address of version 6 whose first colon is at `colon`; returns where the search goes on.

    Short forms (with `::`) count from 2000:: to 3fff:: alone, where all addresses are that were ever given out; others
    need a group of three digits, or they could be another kind of number (MAC addresses, fingerprints).
    """
    i = colon
    while i > begin and colon - i < 5 and _hex(data[i - 1]) >= 0:
        i -= 1
    if colon - i == 0 or colon - i > 4 or (i > begin and (is_word(data[i - 1]) or data[i - 1] in (46, 58, 45))):
        return colon + 1
    high = low = head_high = head_low = np.uint64(0)  # the groups so far, and those in front of `::`
    count, gap, longest = 0, -1, 0
    p = i
    while count < 8 and p < end:
        value = np.int64(0)
        from_ = p
        while p < end and p - from_ < 5 and _hex(data[p]) >= 0:
            value = (value << 4) | _hex(data[p])
            p += 1
        if p == from_ or p - from_ > 4:
            if p - from_ > 4:
                return colon + 1
            break
        longest = max(longest, p - from_)
        high, low = _pushed(high, low, value)
        count += 1
        if count == 8 or p >= end or data[p] != 58:
            break
        if p + 1 < end and data[p + 1] == 58:
            if gap >= 0:
                return p + 1
            gap = count
            head_high, head_low, high, low = high, low, np.uint64(0), np.uint64(0)
            p += 2
            if p >= end or _hex(data[p]) < 0:
                break
        elif p + 1 < end and _hex(data[p + 1]) >= 0:
            p += 1
        else:
            break
    if (count < 8 and gap < 0) or (count == 8 and gap >= 0) or (p < end and (is_word(data[p]) or data[p] == 58)):
        return max(p, colon + 1)
    if p < end and data[p] == 46 and p + 1 < end and is_digit(data[p + 1]):
        return p
    if gap >= 0:
        for _ in range(8 - gap):
            head_high, head_low = _pushed(head_high, head_low, 0)
        high, low = high | head_high, low | head_low
    g = _groups(high, low)
    if gap >= 0 and not (0x2000 <= g[0] < 0x4000):
        return p
    if longest >= 3 and (is_public6(g) or not t.options[OPT_PUBLIC]) and not _is_known6(g):
        emit(out, state, limit, doc, IP, F_IPV6, i, p, SURE)
    return p


@inlined
def _pushed(high, low, value):
    """128 bits with sixteen more behind them."""
    return (high << np.uint64(16)) | (low >> np.uint64(48)), (low << np.uint64(16)) | np.uint64(value)


@inlined
def _groups(high, low):
    """128 bits as eight numbers."""
    return (
        _bits(high, 48), _bits(high, 32), _bits(high, 16), _bits(high, 0),
        _bits(low, 48), _bits(low, 32), _bits(low, 16), _bits(low, 0),
    )  # fmt: skip


@inlined
def _bits(word, at):
    return np.int64((word >> np.uint64(at)) & np.uint64(0xFFFF))


@borrowing
def _is_known6(g):
    """Name servers of Google, Cloudflare, Quad9 and OpenDNS."""
    if g[0] == 0x2001 and g[1] == 0x4860 and g[2] == 0x4860:
        return g[7] == 0x8888 or g[7] == 0x8844
    if g[0] == 0x2606 and g[1] == 0x4700 and g[2] == 0x4700:
        return g[7] in (0x1111, 0x1001, 0x1112, 0x1002, 0x1113, 0x1003)
    if g[0] == 0x2620 and g[1] == 0xFE:
        return (g[2] | g[3] | g[4] | g[5] | g[6]) == 0
    return g[0] == 0x2620 and g[1] == 0x119 and (g[2] == 0x35 or g[2] == 0x53)

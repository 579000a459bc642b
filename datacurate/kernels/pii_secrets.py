"""Keys, passwords, and addresses that hold them."""

from __future__ import annotations

import math

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    CLASS,
    DIGITS,
    F_CREDENTIALS,
    F_ENTROPY,
    F_JWT,
    F_KEY,
    F_PASSWORD,
    F_PRIVATE,
    F_QUERY,
    HASHES,
    KEY,
    LOWER,
    OPT_ENTROPY,
    OPT_HASHES,
    PASSWORD,
    SURE,
    UPPER,
    URL,
    emit,
    is_alnum,
    is_digit,
    is_word,
    lower,
    near,
)

QUERY_NAMES, KEY_NAMES, PASSWORD_NAMES, PLACEHOLDERS, HASH_WORDS = 2, 3, 4, 5, 6
"""Sets of words that kernels know by number: parts of names, and what stands in place of a secret."""
_LONGEST = 256
"""Bytes of the longest value that is read; longer ones are data, not secrets."""
_BLOCK = 16_384
"""Bytes of the longest block of a private key (RSA of 16,384 bits takes 12,800)."""
_HEX, _BASE64 = 1, 2
CHARS = np.zeros(256, np.uint8)
"""Bits: what alphabets of keys a byte is in."""
CAPITALS, LETTERS, NAMES, HEXES, DOTTED, SLASHED = 1, 2, 4, 8, 16, 32
for _c in range(256):
    _ch = chr(_c)
    _letter = _c < 128 and _ch.isalnum()
    CHARS[_c] = (
        CAPITALS * (_letter and not _ch.islower())
        | LETTERS * _letter
        | NAMES * (_letter or _ch in "_-")
        | HEXES * (_letter and _ch in "0123456789abcdefABCDEF")
        | DOTTED * (_letter or _ch in "_-.")
        | SLASHED * (_letter or _ch in "_-+/=")
    )
_LOGS = np.array([0.0] + [n * math.log2(n) for n in range(1, _LONGEST + 1)])
_BEGIN = np.frombuffer(b"-----BEGIN ", np.uint8)
_END = np.frombuffer(b"-----END ", np.uint8)
_EXAMPLE = np.frombuffer(b"example", np.uint8)
_PRIVATE = np.frombuffer(b"PRIVATE KEY", np.uint8)


@borrowing
def _starts(data, i, end, word):
    if i + len(word) > end:
        return False
    for k in range(len(word)):  # noqa: SIM110
        if data[i + k] != word[k]:
            return False
    return True


@borrowing
def entropy(data, i, stop):
    """Shannon's entropy of bytes, in bits per byte."""
    size = stop - i
    if size < 1 or size > _LONGEST:
        return 0.0
    total = 0.0
    for k in range(i, stop):
        seen = False
        for q in range(i, k):
            if data[q] == data[k]:
                seen = True
                break
        if seen:
            continue
        count = 0
        for q in range(k, stop):
            count += data[q] == data[k]
        total += _LOGS[count]
    return math.log2(size) - total / size


@borrowing
def _made_up(data, i, stop):
    """Whether a value is a stand-in: it says EXAMPLE, or has fewer than five different characters."""
    different = 0
    for k in range(i, stop):
        seen = False
        for q in range(max(i, k - 16), k):
            if data[q] == data[k]:
                seen = True
                break
        different += not seen
        if different > 8:
            break
    return different < 5 or _says_example(data, i, stop)


@borrowing
def _says_example(data, i, stop):
    for k in range(i, stop - 6):
        same = True
        for q in range(len(_EXAMPLE)):
            if lower(data[k + q]) != _EXAMPLE[q]:
                same = False
                break
        if same:
            return True
    return False


@borrowing
def find_key(data, begin, end, i, doc, t, out, state, limit):
    """Write down a key of the table whose prefix stands at `i`; returns its end, or `i`."""
    if i > begin and data[i - 1] in (46, 47) and i - 1 > begin and is_alnum(data[i - 2]):
        return i
    for k in range(t.prefix_first[data[i]], t.prefix_first[np.int64(data[i]) + 1]):
        a, b = t.prefix_at[k], t.prefix_at[k + 1]
        if i + (b - a) > end:
            continue
        same = True
        for q in range(b - a):
            if data[i + q] != t.prefixes[a + q]:
                same = False
                break
        if not same:
            continue
        p = i + (b - a)
        most = p + t.prefix_most[k]
        while p < end and p <= most and (CHARS[data[p]] & t.prefix_chars[k]) != 0:
            p += 1
        size = p - i - (b - a)
        if size < t.prefix_least[k] or size > t.prefix_most[k] or (p < end and is_word(data[p])):
            continue
        if _made_up(data, i + (b - a), p) or not _has_digit(data, i + (b - a), p):
            continue
        emit(out, state, limit, doc, KEY, t.prefix_form[k], i, p, SURE)
        return p
    return i


@inlined
def _has_digit(data, i, stop):
    for k in range(i, stop):  # noqa: SIM110
        if is_digit(data[k]):
            return True
    return False


@borrowing
def find_jwt(data, end, i, doc, out, state, limit):
    """Write down a JSON web token, three parts in Base64 of which two begin like JSON; returns its end, or `i`."""
    p = i
    dots = 0
    while p < end and p - i < _BLOCK and ((CHARS[data[p]] & NAMES) != 0 or (data[p] == 46 and dots < 2)):
        if data[p] == 46:
            dots += 1
            if dots == 1 and not (p + 3 < end and data[p + 1] == 101 and data[p + 2] == 121 and data[p + 3] == 74):
                return i
        p += 1
    if dots < 2 or p - i < 36:
        return i
    emit(out, state, limit, doc, KEY, F_JWT, i, p, SURE)
    return p


@borrowing
def find_private_key(data, begin, end, i, doc, out, state, limit):
    """Write down a block of a private key whose word BEGIN is at `i`, to its end line; returns its end, or `i`.

    A block without an end line ends behind the last line of Base64.
    """
    start = i - 5
    if start < begin or not _starts(data, start, end, _BEGIN):
        return i
    p = i + 6
    while p < end and p - i < 40 and data[p] != 45 and not _starts(data, p, end, _PRIVATE):
        p += 1
    if not _starts(data, p, end, _PRIVATE):
        return i
    p += len(_PRIVATE)
    while p < end and data[p] != 10 and data[p] == 45:
        p += 1
    body = p
    high = min(end, start + _BLOCK)
    while p < high:
        if data[p] == 45 and _starts(data, p, end, _END):
            stop = p + len(_END)
            while stop < end and stop - p < 60 and data[stop] != 45 and data[stop] != 10:
                stop += 1
            while stop < end and data[stop] == 45:
                stop += 1
            if p - body < 24 or _says_example(data, body, min(p, body + 32)):
                return i
            emit(out, state, limit, doc, KEY, F_PRIVATE, start, stop, SURE)
            return stop
        p += 1
    p = body
    while p < high and ((CHARS[data[p]] & SLASHED) != 0 or data[p] in (10, 13, 92, 34, 44, 32)):
        p += 1
    if p - body < 40:
        return i
    emit(out, state, limit, doc, KEY, F_PRIVATE, start, p, SURE)
    return p


@inlined
def _is_among(data, i, stop, t, which):
    """Whether a word of a set is the whole of `data[i:stop]`, in any case."""
    for w in range(t.sets[which], t.sets[which + 1]):
        a, b = t.word_at[w], t.word_at[w + 1]
        if b - a != stop - i:
            continue
        same = True
        for k in range(b - a):
            if lower(data[i + k]) != t.words[a + k]:
                same = False
                break
        if same:
            return True
    return False


@borrowing
def _ends_with(data, i, stop, t, which):
    """Whether a name ends in a word of a set, in any case, `-` and `_` being the same: DB_PASSWORD, apiKey."""
    for w in range(t.sets[which], t.sets[which + 1]):
        a, b = t.word_at[w], t.word_at[w + 1]
        q, k = stop, b
        while k > a and q > i:
            c = lower(data[q - 1])
            if (c == 45 or c == 95) and t.words[k - 1] != 95:
                q -= 1
                continue
            if c != t.words[k - 1]:
                break
            q -= 1
            k -= 1
        if k > a:
            continue
        # the word begins the name, or a part of it: after _ - . or a digit, or as a capital after a small letter
        if q == i or (CLASS[data[q - 1]] & (UPPER | LOWER)) == 0:
            return True
        if (CLASS[data[q]] & UPPER) != 0 and (CLASS[data[q - 1]] & LOWER) != 0:
            return True
    return False


@borrowing
def find_assigned(data, begin, end, at, doc, t, out, state, limit):
    """Write down the secret that is assigned at the `=` or `:` at `at`, if its name says that it is one."""
    p = at
    while p > begin and at - p < 3 and (data[p - 1] in (32, 58, 9)):
        p -= 1
    if p > begin and data[p - 1] == 93:  # config["password"] = ...
        p -= 1
    if p > begin and data[p - 1] in (34, 39):
        p -= 1
    stop = p
    while p > begin and stop - p < 48 and (is_word(data[p - 1]) or data[p - 1] == 45):
        p -= 1
    if stop - p < 2:
        return
    if p > begin and data[at] == 61 and (data[p - 1] == 63 or data[p - 1] == 38 or data[p - 1] == 59):
        _query(data, end, p, stop, at, doc, t, out, state, limit)
        return
    secret = _ends_with(data, p, stop, t, KEY_NAMES)
    word = not secret and _ends_with(data, p, stop, t, PASSWORD_NAMES)
    if not secret and not word:
        return
    v = at + 1
    while v < end and v - at < 4 and (data[v] in (32, 9, 61, 62)):  # spaces, ==, =>
        v += 1
    if v < end and data[at] == 61 and data[at + 1] == 61:
        return
    if v < end and v + 1 < end and (data[v] in (98, 114, 117, 102)) and data[v + 1] in (34, 39):
        v += 1
    quote = data[v] if v < end and data[v] in (34, 39, 96) else np.uint8(0)
    if quote:
        v += 1
    q = v
    while q < end and q - v <= _LONGEST and data[q] != 10:
        c = data[q]
        if quote:
            if c == quote:
                break
        elif c in (32, 9, 13, 34, 39, 60, 62, 44, 59, 38, 125, 41):
            break
        q += 1
    if q - v > _LONGEST or (quote and (q >= end or data[q] != quote)):
        return
    if not quote and q > v and data[q - 1] == 46:
        q -= 1
    if secret and _is_key(data, begin, end, v, q, quote, doc, t, state):
        emit(out, state, limit, doc, KEY, F_KEY, v, q, SURE)
    elif _is_password(data, v, q, quote, t, word):
        emit(out, state, limit, doc, PASSWORD, F_PASSWORD, v, q, SURE)


@borrowing
def _is_password(data, v, q, quote, t, word):
    """Whether a value is a password rather than a name, a sentence, code, or a stand-in."""
    if not word or q - v < 6 or q - v > 64 or _is_among(data, v, q, t, PLACEHOLDERS):
        return False
    digits = letters = others = 0
    for k in range(v, q):
        c = data[k]
        kind = CLASS[c]
        if kind == DIGITS:
            digits += 1
        elif (kind & (UPPER | LOWER)) != 0:
            letters += 1
        elif c <= 32 or c >= 128 or c in (123, 125, 60, 62, 40, 41, 91, 93, 92):
            return False
        elif c not in (95, 45, 46, 47, 58):
            others += 1
    if data[v] in (36, 37, 42) or data[v] == 47 or _made_up(data, v, q):
        return False
    if quote:
        return letters + digits > 0 and digits + others > 0 and (letters > 0 or digits > 5)
    return letters > 1 and digits > 0 and (digits + others) * 8 >= q - v


@borrowing
def _alphabet(data, v, q):
    """Of what alphabet a value is: 0 none, _HEX, _BASE64; and its digits, capitals and small letters."""
    digits = capitals = small = 0
    chars = np.uint8(255)
    for k in range(v, q):
        chars &= CHARS[data[k]] | (np.uint8(SLASHED) if data[k] == 46 else np.uint8(0))
        kind = CLASS[data[k]]
        digits += kind == DIGITS
        capitals += kind == UPPER
        small += kind == LOWER
    which = _HEX if (chars & HEXES) else (_BASE64 if (chars & SLASHED) else 0)
    return which, digits, capitals, small


@borrowing
def _is_key(data, begin, end, v, q, quote, doc, t, state):
    """Whether a value is random enough to be a key.

    Entropy of at least 3 bits for hexadecimal and 3.5 for other values; detect-secrets asks 3 and 4.5 of values whose
    name says nothing. Of letters and digits mixed, which words and names are not. Hashes are none.
    """
    if q - v < 16 or _made_up(data, v, q):
        return False
    which, digits, capitals, small = _alphabet(data, v, q)
    if which == 0 or digits < 2 or capitals + small < 2 or digits * 12 < q - v:
        return False
    if entropy(data, v, q) < (3.0 if which == _HEX else 3.5):
        return False
    return not _is_hash(data, begin, end, v, q, t, state)


@borrowing
def _is_hash(data, begin, end, v, q, t, state):
    """StarCoder's exceptions: of a hash's length on a line that speaks of hashes, or in a file that is full of them."""
    if q - v in (32, 40, 64):
        low = v
        while low > begin and v - low < 512 and data[low - 1] != 10:
            low -= 1
        if _mentions(data, low, v, t):
            return True
    if t.options[OPT_HASHES] == 0:
        return False
    if state[HASHES] < 0:
        state[HASHES] = _full_of_hashes(data, begin, end)
    return state[HASHES] == 1


@borrowing
def _mentions(data, low, high, t):
    for p in range(low, high):
        small = lower(data[p])
        for w in range(t.sets[HASH_WORDS], t.sets[HASH_WORDS + 1]):
            a, b = t.word_at[w], t.word_at[w + 1]
            if small != t.words[a] or p + (b - a) > high:
                continue
            same = True
            for k in range(1, b - a):
                if lower(data[p + k]) != t.words[a + k]:
                    same = False
                    break
            if same:
                return True
    return False


@borrowing
def _full_of_hashes(data, begin, end):
    """1 when `sha` or `hash` stands on more than 2 % of the lines (bigcode-dataset, pii/utils/keys_detection.py)."""
    lines = shas = hashes = 0
    for p in range(begin, end):
        c = data[p]
        if c == 10:
            lines += 1
        elif (c == 115 or c == 83) and p + 2 < end:
            shas += lower(data[p + 1]) == 104 and lower(data[p + 2]) == 97
        elif (c == 104 or c == 72) and p + 3 < end and lower(data[p + 1]) == 97:
            hashes += lower(data[p + 2]) == 115 and lower(data[p + 3]) == 104
    most = int(0.02 * lines)
    return 1 if shas > most or hashes > most else 0


@borrowing
def _query(data, end, p, stop, at, doc, t, out, state, limit):
    """The value of a parameter of an address, `?token=...`, if the parameter is one that lets in whoever has it."""
    if not _is_among(data, p, stop, t, QUERY_NAMES):
        return
    v = at + 1
    q = v
    while q < end and q - v <= _LONGEST and (CHARS[data[q]] & SLASHED or data[q] in (37, 46, 126)):
        q += 1
    if q - v < 8 or q - v > _LONGEST or _made_up(data, v, q):
        return
    digits = letters = 0
    for k in range(v, q):
        digits += is_digit(data[k])
        letters += (CLASS[data[k]] & (UPPER | LOWER)) != 0
    if digits > 0 and letters > 1:
        emit(out, state, limit, doc, URL, F_QUERY, v, q, SURE)


@borrowing
def find_credentials(data, begin, end, colon, doc, t, out, state, limit):
    """Write down `user:password` of `scheme://user:password@host` whose `://` is at `colon`; returns where to go on."""
    if colon == begin or not is_alnum(data[colon - 1]):
        return colon + 1
    start = colon + 3
    p = start
    split = -1
    while p < end and p - start < _LONGEST:
        c = data[p]
        if c <= 32 or c in (47, 63, 35, 34, 39, 60, 62, 92):
            return max(colon + 1, start)
        if c == 58 and split < 0:
            split = p
        if c == 64:
            break
        p += 1
    if p >= end or p - start >= _LONGEST or data[p] != 64 or split < 0 or split + 1 == p:
        return start
    if (
        p + 1 >= end
        or not (is_alnum(data[p + 1]) or data[p + 1] == 91)
        or _is_among(data, split + 1, p, t, PLACEHOLDERS)
    ):
        return start
    for k in range(split + 1, p):
        if data[k] in (36, 123, 125, 42, 60, 40, 37) and not (data[k] == 37 and k + 2 < p and is_alnum(data[k + 1])):
            return start
    emit(out, state, limit, doc, URL, F_CREDENTIALS, start, p, SURE)
    return p


@borrowing
def find_random(data, begin, end, i, doc, t, out, state, limit):
    """Write down a quoted string behind the quote at `i` with the entropy of a key; returns where the search goes on.

    detect-secrets' bounds, 4.5 bits for Base64 and 3 for hexadecimal; StarCoder's exceptions. Instead of its model of
    gibberish: a twelfth of the characters are digits, and letters are there too.
    """
    quote = data[i]
    v = i + 1
    q = v
    while q < end and q - v <= _LONGEST and (CHARS[data[q]] & SLASHED) != 0:
        q += 1
    if q >= end or data[q] != quote or q - v < 9 or q - v > _LONGEST:
        return max(q, i + 1)
    which, digits, capitals, small = _alphabet(data, v, q)
    if which == 0 or digits * 12 < q - v or capitals + small == 0 or _is_uuid(data, v, q):
        return q
    if entropy(data, v, q) <= (3.0 if which == _HEX else 4.5) or _is_hash(data, begin, end, v, q, t, state):
        return q
    emit(out, state, limit, doc, KEY, F_ENTROPY, v, q, SURE)
    return q


@inlined
def _is_uuid(data, v, q):
    return q - v == 36 and data[v + 8] == 45 and data[v + 13] == 45 and data[v + 18] == 45 and data[v + 23] == 45


__all__ = ["CAPITALS", "CHARS", "DOTTED", "HEXES", "LETTERS", "NAMES", "OPT_ENTROPY", "SLASHED", "near"]

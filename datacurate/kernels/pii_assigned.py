"""Keys and passwords that are assigned to names, and addresses that hold them."""

from __future__ import annotations

import numpy as np

from datacurate.kernels.memory import borrowing, inlined
from datacurate.kernels.pii_bytes import (
    CLASS,
    DIGITS,
    F_CREDENTIALS,
    F_ENTROPY,
    F_KEY,
    F_PASSWORD,
    F_QUERY,
    HASHES,
    KEY,
    LOWER,
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
)
from datacurate.kernels.pii_headers import scheme_at, take_token
from datacurate.kernels.pii_keys import CHARS, HEXES, LONGEST, SLASHED, entropy, made_up
from datacurate.kernels.pii_words import (
    HASH_WORDS,
    KEY_NAMES,
    PASSWORD_NAMES,
    PLACEHOLDERS,
    QUERY_NAMES,
    begin_of,
    begins,
    is_among,
    same,
)

_HEX, _BASE64 = 1, 2


@borrowing
def _ends_with(data, begin, stop, t, which):
    """Whether what ends at `stop` ends in a word of a set, in any case: DB_PASSWORD, apiKey, API-Key, mot de passe."""
    for w in range(t.sets[which], t.sets[which + 1]):
        a, b = np.int64(t.word_at[w]), np.int64(t.word_at[w + 1])
        q, k = stop, b
        while k > a and q > begin:
            c = lower(data[q - 1])
            if c == t.words[k - 1]:
                k -= 1
            elif k == b or c not in (45, 95, 32):
                break
            q -= 1
        if k == a and _begins_name(data, begin, q):
            return True
    return False


@inlined
def _begins_name(data, begin, q):
    """Whether a word or a part of a name begins at `q`: also as a capital behind a small letter."""
    return begins(data, begin, q) or ((CLASS[data[q]] & UPPER) != 0 and (CLASS[data[q - 1]] & LOWER) != 0)


@borrowing
def named(data, begin, stop, t):
    """What the name that ends at `stop` says of its value: 1 a key, 2 a password, 3 either, 0 nothing."""
    if stop - begin < 2:
        return 0
    a, b = lower(data[stop - 2]), lower(data[stop - 1])
    if t.tails[begin_of(a, b)] == 0 and a != 45 and a != 95 and a != 32:
        return 0
    return _ends_with(data, begin, stop, t, KEY_NAMES) + 2 * _ends_with(data, begin, stop, t, PASSWORD_NAMES)


@borrowing
def _name_end(data, begin, at):
    """The end of the name in front of `:` or `=`, without spaces, brackets and quotes: `config["password"] =`."""
    p = at
    while p > begin and at - p < 3 and (data[p - 1] in (32, 58, 9)):
        p -= 1
    if p > begin and data[p - 1] == 93:
        p -= 1
    if p > begin and data[p - 1] in (34, 39, 42, 96):
        p -= 1
        if p > begin and data[p - 1] in (92, 42):  # \\"password\\": and **password**:
            p -= 1
    return p


@borrowing
def _named_before(data, begin, stop, t):
    """What the name in front of `value` says: `name="password" value="..."`, `- name: PASSWORD`, and the next line."""
    if not (stop - begin > 6 and lower(data[stop - 5]) == 118 and lower(data[stop - 4]) == 97):
        return 0
    if lower(data[stop - 3]) != 108 or lower(data[stop - 2]) != 117 or lower(data[stop - 1]) != 101:
        return 0
    p = stop - 5
    while p > begin and stop - p < 40 and data[p - 1] in (32, 9, 10, 13, 34, 39, 44, 92):
        p -= 1
    return named(data, begin, p, t) if p < stop - 5 else 0


@borrowing
def value_at(data, end, v):
    """Begin, end and quote of the value at `v`; the end is -1 when there is none, or it is too long."""
    if v + 1 < end and data[v] in (98, 114, 117, 102) and data[v + 1] in (34, 39):
        v += 1
    escaped = v + 1 < end and data[v] == 92 and data[v + 1] in (34, 39)
    if escaped:
        v += 1
    quote = data[v] if v < end and data[v] in (34, 39, 96) else np.uint8(0)
    if quote:
        v += 1
    q = v
    while q < end and q - v <= LONGEST and data[q] != 10:
        c = data[q]
        if quote:
            if c == quote:
                break
        elif c >= 0xE0 or c in (32, 9, 13, 34, 39, 60, 62, 44, 59, 38, 125, 41):
            break
        q += 1
    if q - v > LONGEST or (quote and (q >= end or data[q] != quote)):
        return v, -1, quote
    if (escaped and q > v and data[q - 1] == 92) or (not quote and q > v and data[q - 1] == 46):
        q -= 1
    return v, q, quote


@borrowing
def find_assigned(data, begin, end, at, doc, t, out, state, limit):
    """Write down the secret that is assigned at the `=` or `:` at `at`, if its name says that it is one."""
    stop = _name_end(data, begin, at)
    if data[at] == 61 and stop == at:
        p = stop
        while p > begin and stop - p < 48 and (is_word(data[p - 1]) or data[p - 1] == 45):
            p -= 1
        if stop - p > 1 and p > begin and (data[p - 1] == 63 or data[p - 1] == 38 or data[p - 1] == 59):
            _query(data, end, p, stop, at, doc, t, out, state, limit)
            return
    says = named(data, begin, stop, t)
    if not says:
        says = _named_before(data, begin, stop, t)
    if not says:
        return
    v = at + 1
    while v < end and v - at < 4 and (data[v] in (32, 9, 61, 62, 42)):  # spaces, ==, =>, **
        v += 1
    if v < end and data[at] == 61 and data[at + 1] == 61:
        return
    take(data, begin, end, v, says, doc, t, out, state, limit)


@borrowing
def take(data, begin, end, v, says, doc, t, out, state, limit):
    """Write down the value at `v` when it is what its name says: a key, a password, or `Bearer` and a token."""
    v, q, quote = value_at(data, end, v)
    if q < 0:
        return
    scheme, token = scheme_at(data, v, end, t) if says & 1 else (0, v)
    if scheme:
        take_token(data, end, token, scheme, doc, out, state, limit)
    elif says & 1 and _is_key(data, begin, end, v, q, quote, doc, t, state):
        emit(out, state, limit, doc, KEY, F_KEY, v, q, SURE)
    elif is_password(data, v, q, quote, t, says & 2):
        emit(out, state, limit, doc, PASSWORD, F_PASSWORD, v, q, SURE)


@borrowing
def is_password(data, v, q, quote, t, word):
    """Whether a value is a password rather than a name, a sentence, code, or a stand-in."""
    if not word or q - v < 6 or q - v > 64 or is_among(data, v, q, t, PLACEHOLDERS):
        return False
    digits = letters = others = 0
    for k in range(v, q):
        c = data[k]
        kind = CLASS[c]
        if kind == DIGITS:
            digits += 1
        elif (kind & (UPPER | LOWER)) != 0 or (c >= 128 and quote):
            letters += 1
        elif c <= 32 or c >= 128 or c in (123, 125, 60, 62, 40, 41, 91, 93, 92):
            return False
        elif c not in (95, 45, 46, 47, 58):
            others += 1
    if data[v] in (36, 37, 42) or data[v] == 47 or made_up(data, v, q):
        return False
    if quote:
        return letters + digits > 0 and digits + others > 0 and (letters > 0 or digits > 5)
    return letters > 0 and digits > 0 and (digits + others) * 8 >= q - v


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
    if q - v < 16 or made_up(data, v, q):
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
        for w in range(t.sets[HASH_WORDS], t.sets[HASH_WORDS + 1]):
            a, b = t.word_at[w], t.word_at[w + 1]
            if p + (b - a) <= high and same(data, p, t.words, a, b):
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
    if not is_among(data, p, stop, t, QUERY_NAMES):
        return
    v = at + 1
    q = v
    while q < end and q - v <= LONGEST and (CHARS[data[q]] & SLASHED or data[q] in (37, 46, 126)):
        q += 1
    if q - v < 8 or q - v > LONGEST or made_up(data, v, q):
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
    while p < end and p - start < LONGEST:
        c = data[p]
        if c <= 32 or c in (47, 63, 35, 34, 39, 60, 62, 92):
            return max(colon + 1, start)
        if c == 58 and split < 0:
            split = p
        if c == 64:
            break
        p += 1
    if p >= end or p - start >= LONGEST or data[p] != 64 or split < 0 or split + 1 == p:
        return start
    if (
        p + 1 >= end
        or not (is_alnum(data[p + 1]) or data[p + 1] == 91)
        or is_among(data, split + 1, p, t, PLACEHOLDERS)
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
    while q < end and q - v <= LONGEST and (CHARS[data[q]] & SLASHED) != 0:
        q += 1
    if q >= end or data[q] != quote or q - v < 9 or q - v > LONGEST:
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

"""Slow, obvious twins of the kernels over web addresses."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from datacurate.kernels.url import ascii_host

FORBIDDEN = set(range(0x21)) | set(b'#/:<>?@[\\]^|%"`{}') | {0x7F}
BLANK = bytes(range(0x21))


def lower(text: bytes) -> bytes:
    return text.lower()  # of bytes: A to Z alone


def normalised(url: bytes | None, bare: bool = False) -> tuple[bytes, bytes] | str:
    """`(host, path and query)`, or `missing`, or `bad`."""
    found = parts(url, bare)
    return found if isinstance(found, str) else (found[0], canonical_rest(found[2]))


def form(url: bytes | None, ignored: tuple[str, ...] = (), www: bool = False) -> bytes | None:
    """What two addresses of one page have in common; None of what is no address."""
    found = parts(url)
    if isinstance(found, str):
        return None
    host, port, rest = found
    if www and re.match(rb"www\..", host):
        host = host[4:]
    path, _, query = rest.partition(b"#")[0].partition(b"?")
    names = [name.lower().encode() for name in ignored]
    kept = []
    for part in query.split(b"&"):
        name = lower(part.partition(b"=")[0])
        listed = any(name.startswith(one[:-1]) if one.endswith(b"*") else name == one for one in names)
        if part and not listed:
            kept.append(encoded(part))
    ports = b"" if port in (0, 80, 443) else b":%d" % port
    return host + ports + encoded(path).rstrip(b"/") + (b"?" + b"&".join(kept) if kept else b"")


def encoded(text: bytes) -> bytes:
    """Percent-encoding in one form."""
    plain = re.compile(rb"[A-Za-z0-9._~-]")

    def one(found: re.Match) -> bytes:
        byte = bytes([int(found[1], 16)]) if found[1] else found[0]
        return byte if found[1] and plain.match(byte) else b"%%%02X" % byte[0]

    return re.sub(rb"%([0-9A-Fa-f]{2})|[\x80-\xff]", one, text)


def parts(url: bytes | None, bare: bool = False) -> tuple[bytes, int, bytes] | str:
    """`(host, port, path and query as they stand)`, or `missing`, or `bad`."""
    url = re.sub(rb"[\t\n\r]", b"", (url or b"").strip(BLANK))
    before, mark, after = re.fullmatch(rb"([^?#]*)([?#]?)(.*)", url, re.DOTALL).groups()
    url = before.replace(b"\\", b"/") + mark + after
    if not url:
        return "missing"
    scheme = re.match(rb"([A-Za-z][A-Za-z0-9+.-]*):", url)
    named = True
    if scheme and lower(scheme[1]) in (b"http", b"https"):
        url = url[scheme.end() :].lstrip(b"/")
    elif scheme and url[scheme.end() :].startswith(b"//"):
        url = url[scheme.end() + 2 :]
    elif url.startswith(b"//"):
        url = url.lstrip(b"/")
    elif scheme and not re.match(rb"[0-9]+([/?#]|$)", url[scheme.end() :]):
        return "bad"
    else:
        named = False
    authority, rest = re.fullmatch(rb"([^/?#]*)(.*)", url, re.DOTALL).groups()
    authority = authority.rpartition(b"@")[2]
    shape = re.fullmatch(rb"(\[[^\]]*\]?[^:]*|[^:]*)(?::([0-9]*))?", authority, re.DOTALL)
    if not shape or int(shape[2] or 0) > 65535:
        return "bad"
    host = canonical_host(shape[1], named or bare)
    return (host, int(shape[2] or 0), rest) if host else "bad"


def canonical_host(host: bytes, word: bool) -> bytes | None:
    if host.startswith(b"[") and host.endswith(b"."):
        return None  # what follows the bracket is no part of an address
    host = host.rstrip(b".")
    if host.startswith(b"[") or re.search(rb"[\x80-\xff%]", host):
        host = ascii_host(host).rstrip(b".")
        if host.startswith(b"["):
            return host if host.endswith(b"]") and len(host) > 2 else None
    host = lower(host)
    labels = host.split(b".")
    if not host or FORBIDDEN & set(host) or len(host) > 253 or max(map(len, labels)) > 63:
        return None
    if len(labels) == 1 and not word:
        return None
    if re.fullmatch(rb"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return ipv4(labels)
    return host


def ipv4(labels: list[bytes]) -> bytes | None:
    numbers = []
    for label in labels:
        kind = re.fullmatch(rb"0x([0-9a-f]*)|0([0-7]*)|([1-9][0-9]*)", label)
        if not kind:
            return None
        digits, base = next((d, b) for d, b in zip(kind.groups(), (16, 8, 10), strict=True) if d is not None)
        numbers.append(int(digits or b"0", base))
    *first, last = numbers
    if len(first) > 3 or any(n > 255 for n in first) or last >= 256 ** (4 - len(first)):
        return None
    value = last + sum(n * 256 ** (3 - k) for k, n in enumerate(first))
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0)).encode()


def canonical_rest(rest: bytes) -> bytes:
    rest = rest.partition(b"#")[0]
    text = lower(unquote_to_bytes(rest))
    path, mark, query = text.partition(b"?")
    if path:
        kept: list[bytes] = []
        *parts, last = path[1:].split(b"/")
        for part in parts:
            if part == b"..":
                del kept[-1:]
            elif part != b".":
                kept.append(part)
        if last == b"..":
            del kept[-1:]
        if last in (b".", b".."):
            last = b""
        path = b"".join(b"/" + part for part in kept) + b"/" + last
    return (path + mark + query).rstrip(b"/")


def domains_above(host: bytes) -> set[bytes]:
    """The host and all domains that it is in."""
    if host.endswith(b"]") or re.fullmatch(rb"([0-9]+\.){3}[0-9]+", host):
        return {host}
    return {host[at:] for at in [0, *(dot.end() for dot in re.finditer(rb"\.", host))]}


def beginnings(address: bytes) -> set[bytes]:
    """The address without `www.`, and all that it goes on from."""
    address = re.sub(rb"^www\.(?=[^/?])", b"", address)
    return {address[:at] for at in [len(address), *(mark.start() for mark in re.finditer(rb"[/?&]", address))]}

"""Texts without personal data that look as if they had some: versions, ISBNs, hashes, dates, numbers of all kinds."""

from __future__ import annotations

import base64
import random
import sysconfig
import uuid
from collections.abc import Callable, Iterator
from hashlib import md5, sha1, sha256
from pathlib import Path

Made = Callable[[random.Random], str]


PRODUCTS = (
    "Flash Player", "Chrome", "Exchange", "Java SE", "libavcodec", "firmware", "Firefox", "Windows", "Exchange Server",
    "SQL Server", "Opera", "Safari", "driver", "libssl", "Adobe Reader", "iTunes", "VLC", "AutoCAD", "BIOS", "SDK",
    "Skype", "QuickTime", "WebKit", "update",
)  # fmt: skip


def versions(rng: random.Random) -> str:
    """Versions of two to four numbers, as lock files, changelogs, user agents and import paths have them."""
    name = rng.choice(["numpy", "left-pad", "lodash", "openssl", "Chrome", "libfoo", "pkg"])
    small = [str(rng.randrange(30)) for _ in range(rng.choice([2, 3, 3]))]
    wide = ".".join(str(rng.randrange(most)) for most in (61, 61, 301, 256))
    number = rng.choice([".".join(small), wide])
    product = rng.choice(PRODUCTS)
    long = f"{rng.randrange(20, 130)}.0.{rng.randrange(300, 7000)}.{rng.randrange(300)}"
    ways = [
        f"{name}=={number}", f"{name}@{number}", f"{name}-{number}.tar.gz", f"v{number}", f"version {number}",
        f"{name} >= {number}, < {rng.randrange(9)}", f"{name}/{long}", f"release {number}-rc{rng.randrange(9)}",
        f"{number}+build.{rng.randrange(10**6)}", f'"{name}": "^{number}"', f"Version: {long}",
        f"{name}:{number}-alpine", f"{product} {wide}", f"{product} {wide}", f"{product} ({wide})", f"build {wide}",
        f"{product} version {wide}", f"firmware {wide}", f"{name}-{wide}", f"{product} v{wide}",
    ]  # fmt: skip
    return rng.choice(ways)


def isbns(rng: random.Random) -> str:
    """ISBNs of both lengths and ISSNs, with right check digits, with and without hyphens."""
    body = "978" + "".join(str(rng.randrange(10)) for _ in range(9))
    last = (10 - sum(int(d) * (1, 3)[at % 2] for at, d in enumerate(body))) % 10
    ten = body[3:]
    key = "0123456789X"[(11 - sum(int(d) * (10 - at) for at, d in enumerate(ten))) % 11]
    long = f"{body}{last}"
    return rng.choice(
        [f"ISBN {long}", f"ISBN-13: 978-{ten[0]}-{ten[1:5]}-{ten[5:]}-{last}", f"ISBN {ten}{key}",
         f"({ten[0]}-{ten[1:4]}-{ten[4:]}-{key})", f"ISSN {ten[:4]}-{ten[4:7]}{key}", long]
    )  # fmt: skip


def hashes(rng: random.Random) -> str:
    """Digests in hexadecimal and Base64, commits, UUIDs, integrity lines, MAC addresses."""
    seed = rng.randbytes(8)
    hexes = [md5(seed).hexdigest(), sha1(seed).hexdigest(), sha256(seed).hexdigest()]
    coded = base64.b64encode(sha256(seed).digest()).decode()
    return rng.choice(
        [f"sha256:{hexes[2]}", f"commit {hexes[1]}", f'"{hexes[0]}"', f"integrity: sha256-{coded}",
         f"{hexes[1][:7]}..{hexes[1][7:14]}",
         f'md5 = "{hexes[0]}"', f'checksum = "{hexes[2]}"', str(uuid.UUID(bytes=seed * 2)), f"etag: W/{hexes[0]}",
         ":".join(f"{b:02x}" for b in seed[:6]), ":".join(f"{b:02X}" for b in seed * 2),
         f"0x{hexes[1][:16]}", hexes[2].upper()]
    )  # fmt: skip


def dates(rng: random.Random) -> str:
    """Dates, times and spans of them, in national and technical forms, and counts of seconds."""
    y, m, d = rng.randrange(1900, 2030), rng.randrange(1, 13), rng.randrange(1, 29)
    h, n, s = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    return rng.choice(
        [f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y}", f"{m}/{d}/{y}", f"{y}{m:02}{d:02}{h:02}{n:02}{s:02}",
         f"{y}–{y + 4}",
         f"{y}-{m:02}-{d:02}T{h:02}:{n:02}:{s:02}.{rng.randrange(10**6):06}Z", f"{d:02}/{m:02}/{y} {h:02}:{n:02}",
         f"{y}-{y + 3}", f"{rng.randrange(10**9, 2 * 10**9)}", f"{rng.randrange(10**12, 2 * 10**12)}",
         f"{h:02}:{n:02}:{s:02}",
         f"{y}-{m:02}-{d:02} {h:02}:{n:02}:{s:02}", f"{d:02}-{m:02}-{y}", f"{y}/{m:02}/{d:02}",
         f"{y}-W{m:02}-{d % 7 + 1}"]
    )  # fmt: skip


def numbers(rng: random.Random) -> str:
    """Decimals, amounts, coordinates, tables, identifiers of papers, sections."""
    a, b = rng.random(), rng.randrange(10**9)
    return rng.choice(
        [f"{a}", f"{a * 1e6:.4f}", f"{b:,}", f"${b / 100:,.2f}", f"{b:,}".replace(",", " "),
         f"{a * 90:.6f}, {-a * 180:.6f}",
         f"arXiv:{rng.randrange(1000, 2412):04}.{rng.randrange(99999):05}", f"10.{rng.randrange(1000, 9999)}/{b}",
         " ".join(str(rng.randrange(1000)) for _ in range(8)),
         f"{rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(20)}",
         f"#{rng.randrange(10**6)}", f"{a:.3e}", f"pp. {b % 900}-{b % 900 + 17}",
         f"[{b % 10}, {b % 100}, {b % 1000}, {b % 10**5}]",
         f"id={b}", f"{b % 100}%", f"PMID {b % 10**8}", f"{a * 10:.2f} {a * 7:.2f} {a * 3:.2f} {a:.2f}", f"0x{b:08x}"]
    )  # fmt: skip


def groups(rng: random.Random) -> str:
    """Draws of lotteries, lists of years."""
    draw = [f"{n:02}" for n in sorted(rng.sample(range(1, 50), 5))]
    years = [str(rng.randrange(1900, 2030)) for _ in range(rng.choice([3, 3, 4, 2]))]
    return rng.choice(
        [" ".join(draw), "draw: " + " ".join(draw), 
         " ".join(years), "in " + ", ".join(years), "call " + " ".join(years)]
    )  # fmt: skip


GENERATORS: dict[str, Made] = {
    "versions": versions, "isbns": isbns, "hashes": hashes, "dates": dates, "numbers": numbers, "groups": groups,
}  # fmt: skip


def megabyte(made: Made, size: int = 1_000_000) -> list[str]:
    """Documents of a hundred lines, a megabyte in all."""
    rng = random.Random(11)
    texts, total = [], 0
    while total < size:
        words = ["see", "the", "of", "and", "is", "for", "in", "build", "from", "update", "to"]
        lines = [" ".join([rng.choice(words), made(rng), rng.choice(words), rng.choice(words)]) for _ in range(100)]
        texts.append("\n".join(lines))
        total += len(texts[-1].encode())
    return texts


def code(size: int = 4_000_000) -> Iterator[str]:
    """Source files of Python's standard library, as many as there are in this many bytes."""
    total = 0
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if total > size:
            return
        if not {"site-packages", "test", "tests", "idlelib"} & set(path.parts):
            text = path.read_text(encoding="utf-8", errors="replace")
            total += len(text.encode())
            yield text

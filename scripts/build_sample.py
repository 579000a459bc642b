"""Build the folder `sample/` from the project's data folder; the same bytes at every run.

    python scripts/build_sample.py --shared ../shared [--out sample]

Only texts with free licences go in: see the README that this writes beside them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.sources.warc import Warc
from datacurate.stages.extract import Extract

PAGES = {
    "libreoffice-help-en-us": 100,
    "libreoffice-help-en-gb": 100,
    "libreoffice-help-de": 75,
    "libreoffice-help-fr": 75,
    "libreoffice-help-ru": 60,
    "libreoffice-help-ja": 50,
    "libreoffice-help-zh-cn": 50,
    "libreoffice-help-hi": 40,
    "postgresql-doc-15": 210,
    "python3.11-doc": 67,
}
"""Pages taken per Debian package; English LibreOffice pages in both spellings are the same pages."""
PAGE_BYTES = 180_000
"""Longer pages (a few of the Python and PostgreSQL references) are left out: they would dominate the text."""
CODE_COMMIT = "00d2cfc8ad86bb04115f8081770778f15f613cb4"
CODE_FOLDERS = ("datacurate/core", "datacurate/mixture", "datacurate/stages")
HANDBOOK_BYTES = 3_000_000
CHARSETS = {
    "de": ["windows-1252", "iso-8859-1"],
    "fr": ["iso-8859-15", "windows-1252"],
    "ru": ["windows-1251", "koi8-r"],
    "ja": ["shift_jis", "euc-jp"],
    "zh-cn": ["gb18030", "gbk"],
}
RECODED = 10
"""Pages per language that are re-encoded; characters that the charset lacks become references, as on the web."""
SPACE = uuid.UUID("6f3c1f6e-6d0c-5f0e-9a53-0d2b6c1a9e11")
ROBOTS = b"User-agent: *\nDisallow: /private/\n"


@dataclass
class Warcs:
    """A WARC file in the making, one gzip member per record, and what went into it."""

    members: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    crawl: str = ""

    def add(self, kind: str, block: bytes, count: str, url: str = "", **more: object) -> None:
        """One record; `length`, `id` and `damage` make it a bad one."""
        number = len(self.members)
        date = datetime(2024, 5, 18) + timedelta(seconds=97 * number)
        id = str(more.get("id") or uuid.uuid5(SPACE, f"{self.crawl}{number} {url}"))
        lines = [
            f"WARC/{'1.1' if number % 3 == 0 else '1.0'}",
            f"WARC-Type: {kind}",
            f"WARC-Record-ID: <urn:uuid:{id}>",
        ]
        lines += [f"WARC-Date: {date:%Y-%m-%dT%H:%M:%SZ}"] + [f"WARC-Target-URI: {url}"] * bool(url)
        lines += [f"Content-Type: {more.get('type', 'application/http; msgtype=' + kind)}"]
        lines += [f"Content-Length: {more.get('length', len(block))}"] * (more.get("length") != "")
        record = "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"
        member = bytearray(gzip.compress(record, 9, mtime=0))
        if more.get("damage"):
            member[-8] ^= 0xFF
        self.members.append(bytes(member))
        self.ids.append(id)
        self.counts[count] += 1


def http(body: bytes, content_type: str = "text/html", status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP response as a block."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", "Server: sample"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 4000) -> bytes:
    """The body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def pages(shared: Path) -> list[tuple[str, str, bytes]]:
    """Package, URL and HTML of the chosen pages, shuffled by a digest of the URL."""
    file = shared / "data/docs_pages/docs_a.warc.gz"
    gold = unpacked(shared / "data/docs_pages/docs_a.gold.jsonl.gz")
    about = {row["url"]: row for row in map(json.loads, gold.decode().splitlines())}
    by_package = defaultdict(list)
    for read in Warc(path=str(file)).read(file, "docs"):
        for row in read.docs.select(["url", "html"]).to_pylist():
            if len(row["html"]) <= PAGE_BYTES:
                by_package[about[row["url"]]["package"]].append(
                    (about[row["url"]]["parallel_key"], row["url"], row["html"])
                )
    found = []
    for package, most in PAGES.items():
        rows = sorted(by_package[package], key=lambda row: (digest(row[0]), row[1]))[:most]
        found += [(package, url, html) for _, url, html in rows]
    return sorted(found, key=lambda row: digest(row[1]))


def unpacked(file: Path) -> bytes:
    """The content of a gzip file."""
    return gzip.decompress(file.read_bytes())


def digest(text: str) -> str:
    """A stable shuffle key."""
    return hashlib.sha256(text.encode()).hexdigest()


def recoded(package: str, html: bytes, done: Counter[str]) -> tuple[bytes, str | None]:
    """The page in a charset of its language while there are some to do, and the charset."""
    language = package.removeprefix("libreoffice-help-")
    if language not in CHARSETS or done[language] >= RECODED:
        return html, None
    charset = CHARSETS[language][done[language] % 2]
    text = re.sub("charset=utf-8", f"charset={charset}", html.decode("utf-8"), count=1, flags=re.I)
    done[language] += 1
    return text.encode(charset, "xmlcharrefreplace"), charset


def responses(chosen: list[tuple[str, str, bytes]], warc: Warcs) -> None:
    """All pages as responses with status 200, in the codings and charsets that crawls have."""
    done: Counter[str] = Counter()
    for number, (package, url, html) in enumerate(chosen):
        body, charset = recoded(package, html, done)
        headers: dict[str, str] = {}
        in_header = charset and sum(done.values()) % 2
        kind = f"text/html; charset={charset}" if in_header else "text/html"
        if number % 7 == 0:
            body, headers["Content_Encoding"] = gzip.compress(body, 9, mtime=0), "gzip"
        elif number % 17 == 0:
            body, headers["Content_Encoding"] = zlib.compress(body, 9), "deflate"
        if number % 11 == 0:
            body, headers["Transfer_Encoding"] = chunked(body), "chunked"
        for name in headers.values():
            warc.counts[f"(of the pages: {name})"] += 1
        if charset:
            warc.counts[f"(of the pages: charset {charset})"] += 1
        warc.add("response", http(body, kind, **headers), "pages", url)
        if number < 10:
            warc.add("request", f"GET {url} HTTP/1.1\r\n\r\n".encode(), "requests", url)
        if number % 20 == 3:
            again = url + ("?utm_source=news" if number % 40 == 3 else "#top")
            warc.add("response", http(html), "exact duplicates under other URLs", again)
        small_records(number, url, warc)


def small_records(number: int, url: str, warc: Warcs) -> None:
    """Redirects, missing pages, revisits and what else is no page, strewn in between."""
    host = "/".join(url.split("/")[:3])
    if number % 60 == 10:
        moved = http(b"<h1>Moved</h1>", status="301 Moved Permanently", Location=url)
        warc.add("response", moved, "redirects (301)", url.replace("https", "http"))
    if number % 60 == 20:
        warc.add(
            "response",
            http(b"<h1>Not found</h1>", status="404 Not Found"),
            "missing pages (404)",
            f"{host}/gone{number}",
        )
    if number % 90 == 30:
        warc.add("revisit", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "revisits", url)
    if number % 150 == 40:
        warc.add("response", http(b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png"), "images and JSON", f"{host}/logo.png")
        warc.add("response", http(b'{"pages": 3}', "application/json"), "images and JSON", f"{host}/index.json")
    if number % 350 == 50:
        warc.add("response", http(ROBOTS, "text/plain"), "robots.txt", f"{host}/robots.txt")


def broken(chosen: list[tuple[str, str, bytes]], warc: Warcs) -> None:
    """One record of each kind of damage; three of some."""
    name = "broken: "
    texts = [html for _, _, html in chosen]
    for at, cut in enumerate((0, 5, 300)):
        packed = bytearray(gzip.compress(texts[at], 9, mtime=0))
        packed[20 + cut : 40 + cut] = bytes(20)
        block = http(bytes(packed), Content_Encoding="gzip")
        warc.add("response", block, f"{name}gzip body", f"https://broken.example/gzip{at}")
    block = http(chunked(texts[3])[:-900], Transfer_Encoding="chunked")
    warc.add("response", block, f"{name}chunks", "https://broken.example/chunks")
    block = http(texts[4])
    url = "https://broken.example/length"
    warc.add("response", block, f"{name}Content-Length", url, length=len(block) - 700)
    warc.add("response", block, f"{name}Content-Length", url, length=len(block) + 5000)
    warc.add("response", block, f"{name}no Content-Length", url, length="")
    warc.add("response", block, f"{name}gzip member", url, damage=True)
    warc.add("response", b"<html>no status line</html>", f"{name}HTTP", url)
    warc.add("response", http(texts[5]), "record ids used twice", "https://broken.example/id", id=warc.ids[1])


def build_web(shared: Path, out: Path) -> dict[str, Counter[str]]:
    """web.warc.gz and broken.warc.gz; what they hold."""
    chosen = pages(shared)
    warc = Warcs()
    about = b"software: datacurate scripts/build_sample.py\r\nformat: WARC File Format 1.1\r\n"
    warc.add("warcinfo", about, "warcinfo", type="application/warc-fields")
    responses(chosen, warc)
    middle = len(warc.members) // 2
    bad = Warcs(list(warc.members), warc.counts, warc.ids)
    broken(chosen, bad)
    made = bad.members[len(warc.members) :]
    (out / "web.warc.gz").write_bytes(b"".join(warc.members[:middle] + made + warc.members[middle:]))
    second = Warcs(crawl="second crawl ")
    second.add("warcinfo", about, "warcinfo", type="application/warc-fields")
    responses(chosen, second)
    cut = second.members[:40]
    (out / "broken.warc.gz").write_bytes(b"".join(cut)[: -len(cut[-1]) // 2])
    counts = Counter({"sound records": 39, "broken: cut in the middle of a gzip member": 1})
    return {"web.warc.gz": bad.counts, "broken.warc.gz": counts}


HEADINGS = {
    "de_Die-Verwandlung_22367__22367-8": (r"^I{1,3}\.$", "latin-1"),
    "fr_Candide_4650__4650-8": (r"^CHAPITRE [IVXL]+\.?$", "latin-1"),
    "es_Don-Quijote_2000__2000-8": (r"^Capítulo [IVXLprime]+\w*\. ", "latin-1"),
}
SPANISH_CHAPTERS = 40
EDITIONS = {
    "1342-0.txt": 99,
    "old/pandp10.txt": 15,
    "84-0.txt": 99,
    "old/frank11.txt": 10,
    "11-0.txt": 99,
    "old/alice30.txt": 99,
}
"""Editions of the English books and the chapters taken: a second edition of each makes near-duplicates."""


def chapters(shared: Path) -> Iterator[dict[str, str]]:
    """Chapters of the German, French and Spanish books, without Project Gutenberg's header and footer."""
    for name, (heading, charset) in HEADINGS.items():
        raw = unpacked(shared / f"data/text/gutenberg/{name}.txt.gz").decode(charset).replace("\r\n", "\n")
        body = raw.split("*** START OF", 1)[1].split("\n", 1)[1]
        body = re.split(r"\n(?:End of|\*\*\* END)[^\n]*Gutenberg|\n\*\*\* END OF", body)[0]
        starts = [found.start() for found in re.finditer(heading, body, re.M)] + [len(body)]
        language, title = name.split("_")[:2]
        parts = [body[a:b].strip() for a, b in pairwise(starts)]
        for number, text in enumerate(parts[:SPANISH_CHAPTERS] if language == "es" else parts, 1):
            yield {"id": f"{title}-{number:02}", "text": text, "title": title.replace("-", " "), "language": language}


def editions(shared: Path) -> Iterator[dict[str, str]]:
    """Chapters of the English books in one to two editions."""
    with gzip.open(shared / "data/neardup/gutenberg_editions_1/docs.jsonl.gz", "rt") as file:
        for row in map(json.loads, file):
            book, _, number = row["cluster"].partition("#")
            if int(number) >= EDITIONS.get(row["version"], 0) or "gutenberg" in row["text"].lower():
                continue
            title, edition = book.split("_")[1], Path(row["version"]).stem
            id = f"{title}-{int(number) + 1:02}-{edition}"
            yield {
                "id": id,
                "text": row["text"],
                "title": title.replace("-", " "),
                "language": "en",
                "edition": edition,
            }


def build_books(shared: Path, out: Path) -> Counter[str]:
    """books.jsonl.gz, with three lines that are no documents."""
    rows = sorted([*chapters(shared), *editions(shared)], key=lambda row: row["id"])
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows]
    lines.insert(10, json.dumps(["a list", "not an object"]))
    lines.insert(20, json.dumps({"id": "without-text", "title": "No text"}))
    lines.insert(30, lines[31][:200])
    (out / "books.jsonl.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    counts = Counter(f"chapters ({row['language']})" for row in rows)
    return counts + Counter({"broken: not an object": 1, "broken: no text": 1, "broken: cut JSON": 1})


def build_handbook(shared: Path, out: Path) -> Counter[str]:
    """handbook.parquet: whole histories of pages, chosen by a digest of the page's name."""
    with gzip.open(shared / "data/neardup/18f_handbook_history/docs.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if len(row["text"]) >= 200]
    rows.sort(key=lambda row: (digest(row["cluster"]), row["version"], row["id"]))
    taken, size = [], 0
    for row in rows:
        if size >= HANDBOOK_BYTES and row["cluster"] != taken[-1]["cluster"]:
            break
        taken.append(row)
        size += len(row["text"].encode())
    names = {"id": "id", "text": "text", "page": "cluster", "version": "version"}
    table = pa.table({name: [row[key] for row in taken] for name, key in names.items()})
    options = {"compression": "zstd", "compression_level": 19, "row_group_size": 200, "data_page_size": 8 << 20}
    pq.write_table(table, out / "handbook.parquet", use_dictionary=["page", "version"], **options)
    return Counter({"page versions": len(taken), "(pages)": len(set(table["page"].to_pylist()))})


def build_code(out: Path) -> Counter[str]:
    """code.jsonl.gz: modules of this project as they were at one commit."""
    root = Path(__file__).parent.parent
    packed = subprocess.check_output(["git", "archive", "--format=tar", CODE_COMMIT, *CODE_FOLDERS], cwd=root)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = [(m.name, archive.extractfile(m)) for m in archive.getmembers() if m.name.endswith(".py")]
        found = {name: file.read().decode() for name, file in files if file}
    rows = [
        {"id": name, "text": text, "repo": "datacurate", "path": name} for name, text in sorted(found.items()) if text
    ]
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows]
    (out / "code.jsonl.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    return Counter({"Python modules": len(rows)})


def texts(out: Path) -> dict[str, list[str]]:
    """The text of every file after extraction."""
    kinds = {"web.warc.gz": Warc, "books.jsonl.gz": Jsonl, "handbook.parquet": Parquet}
    found: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        found[name] = []
        for read in kind(path=str(out / name)).read(out / name, name):
            made = Extract(engine="resiliparse").extracted(read.docs)
            found[name] += getattr(made, "docs", made)["text"].to_pylist()
    # robots.txt files counted as pages when the tokenizer was made; without them every token count would move
    found["web.warc.gz"] += [ROBOTS.decode()] * 3
    return found


def build_tokenizer(out: Path, found: dict[str, list[str]]) -> None:
    """tokenizer.json: byte-level BPE with 4,096 entries."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text for part in found.values() for text in part), trainer)
    tokenizer.save(str(out / "tokenizer.json"))


def readme(out: Path, counts: dict[str, Counter[str]], found: dict[str, list[str]]) -> None:
    """README.md from scripts/sample_readme.md, with the counts in it."""
    lines = []
    for name, count in counts.items():
        size = (out / name).stat().st_size
        text = sum(len(text.encode()) for text in found.get(name, []))
        order = sorted(count, key=lambda what: (what.startswith("("), what.startswith("broken")))
        lines += [f"### {name}", "", f"{size:,} bytes; {text:,} bytes of text after extraction.", ""]
        lines += ["| what | count |", "|---|---|", *(f"| {what} | {count[what]} |" for what in order), ""]
    template = (Path(__file__).parent / "sample_readme.md").read_text()
    (out / "README.md").write_text(template.replace("{counts}", "\n".join(lines).rstrip()))


def main() -> None:
    """Write every file of the sample."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--shared", type=Path, default=Path("../shared"))
    asked.add_argument("--out", type=Path, default=Path("sample"))
    options = asked.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    counts = build_web(options.shared, options.out)
    counts["books.jsonl.gz"] = build_books(options.shared, options.out)
    counts["handbook.parquet"] = build_handbook(options.shared, options.out)
    counts["code.jsonl.gz"] = build_code(options.out)
    found = texts(options.out)
    build_tokenizer(options.out, found)
    with gzip.open(options.out / "code.jsonl.gz", "rt") as file:
        found["code.jsonl.gz"] = [json.loads(line)["text"] for line in file]
    readme(options.out, counts, found)


if __name__ == "__main__":
    main()

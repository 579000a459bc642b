"""The sample holds what its README says, can be read, and is built anew byte by byte."""

import re
import subprocess
import sys
from collections import Counter

from datacurate.sources import find_format
from datacurate.stages.extract import Extract


def counts(sample, name):
    """The counts that the README gives for a file."""
    section = (sample / "README.md").read_text().split(f"### {name}\n")[1].split("\n### ")[0]
    return {what: int(number) for what, number in re.findall(r"^\| ([^|]+) \| (\d+) \|$", section, re.M)}


def contents(sample, name, read):
    rows, unread, batches = read(find_format(name)(path=str(sample / name)), sample / name)
    return rows, Counter(one.rule for one in unread), batches


def test_it_is_small(sample):
    assert sum(file.stat().st_size for file in sample.rglob("*") if file.is_file()) < 7_000_000


def test_web(sample, read):
    said = counts(sample, "web.warc.gz")
    rows, rules, _ = contents(sample, "web.warc.gz", read)
    pages = said["pages"] + said["exact duplicates under other URLs"] + said["record ids used twice"]
    assert len(rows) == pages
    assert len({row["id"] for row in rows}) == pages
    assert rules == {
        "request": said["requests"],
        "warcinfo": said["warcinfo"],
        "redirect": said["redirects (301)"],
        "not_found": said["missing pages (404)"],
        "robots": said["robots.txt"],
        "revisit": said["revisits"],
        "not_html": said["images and JSON"],
        "content_encoding": said["broken: gzip body"],
        "bad_chunks": said["broken: chunks"],
        "content_length": said["broken: Content-Length"],
        "bad_header": said["broken: no Content-Length"],
        "gzip": said["broken: gzip member"],
        "bad_http": said["broken: HTTP"],
    }


def test_the_cut_file(sample, read):
    said = counts(sample, "broken.warc.gz")
    rows, rules, _ = contents(sample, "broken.warc.gz", read)
    assert rules["truncated"] == 1
    assert len(rows) + rules.total() == said["sound records"] + 1


def test_books_and_handbook(sample, read):
    said = counts(sample, "books.jsonl.gz")
    rows, rules, _ = contents(sample, "books.jsonl.gz", read)
    assert len(rows) == sum(number for what, number in said.items() if what.startswith("chapters"))
    assert rules == {"not_object": 1, "no_text": 1, "not_json": 1}
    assert not any("gutenberg" in row["text"].lower() for row in rows)
    rows, rules, _ = contents(sample, "handbook.parquet", read)
    assert (len(rows), rules.total()) == (counts(sample, "handbook.parquet")["page versions"], 0)


def test_pages_become_the_same_text_in_every_charset(sample, read):
    batches = contents(sample, "web.warc.gz", read)[2]
    made = [Extract().extracted(batch.docs) for batch in batches]
    texts = [text for one in made for text in one.docs["text"].to_pylist()]
    assert not any("\ufffd" in text for text in texts)
    assert 2_000_000 < sum(map(len, texts)) < 5_000_000


def test_tokenizer_round_trip(sample):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(sample / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == 4096
    assert tokenizer.token_to_id("<|endoftext|>") == 0
    text = "Größe: 数 — \u0000 \U0001f600\n  x"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_the_script_makes_these_bytes(shared, sample, tmp_path):
    script = sample.parent / "scripts/build_sample.py"
    subprocess.run([sys.executable, script, "--shared", shared.parent, "--out", tmp_path], check=True, timeout=120)
    for name in ("web.warc.gz", "broken.warc.gz", "books.jsonl.gz", "handbook.parquet", "tokenizer.json", "README.md"):
        assert (tmp_path / name).read_bytes() == (sample / name).read_bytes(), name

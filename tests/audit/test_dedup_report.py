"""The report's section about deduplication: figures are those of the ledgers, samples are of the right documents."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_runs import HOSTILE, make_run, run_recipe

from datacurate.audit import dedup_clusters
from datacurate.audit.dedup_clusters import clusters_of, sizes
from datacurate.audit.dedup_parts import parts_of
from datacurate.audit.dedup_report import deduplication
from datacurate.audit.report import write_report
from datacurate.audit.run_folder import open_run
from datacurate.core.recipe import Recipe
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.dedup.lines import Lines

COPIES = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 9}
FOOTER = "Printed on paper <script>alert(1)</script> that was paper before."


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Texts a to e in as many copies as COPIES says; the first of each in `web`, the others in `<b>mirror</b>`."""
    folder = tmp_path_factory.mktemp("report")
    sources = {"web": [], "<b>mirror</b>": []}
    for text, count in COPIES.items():
        for copy in range(count):
            name = "<b>mirror</b>" if copy else "web"
            said = f"Text {text} {HOSTILE[1]} of {text * 5}\n{FOOTER}"
            sources[name].append({"id": f"{text}{copy}", "text": said, "language": "en" if copy else "de"})
    made = {}
    for number, (name, rows) in enumerate(sources.items()):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"docs{number}.parquet")
        made[name] = Parquet(path=str(folder / f"docs{number}.parquet"))
    recipe = Recipe(name="d", sources=made, stages=[Exact(max_loss=None), Lines()])
    return run_recipe(recipe, folder, "run")


def test_clusters_are_those_of_the_ledger(run):
    finished = open_run(run)
    stage = finished.last("exact")
    rows = [row for path in stage.ledgers.values() for row in pq.read_table(path).to_pylist()]
    counts = Counter(row["survivor"] for row in rows)
    found, largest = clusters_of(finished, stage)
    assert (found.clusters, found.members) == (4, 14)
    assert found.bins == {0: 1, 1: 2, 3: 1}, "a pair; a three and a four; a nine"
    assert {cluster.survivor: cluster.members for cluster in largest} == counts
    nine = largest[0]
    assert (nine.members, nine.survivor, nine.sources) == (8, "e0", Counter({"<b>mirror</b>": 8}))
    assert nine.bytes == sum(row["bytes"] for row in rows if row["survivor"] == "e0")
    assert (
        nine.text.startswith("Text e ") and {id[0] for id, _ in nine.samples} == {"e"} and len(dict(nine.samples)) == 3
    )
    assert sorted(dict(largest[1].samples)) == ["d1", "d2", "d3"] and len(largest[1].samples) == 3
    assert nine.sample.startswith("Text e "), "the verdict keeps how one member begins"


def test_counting_in_slices_gives_the_same(run, monkeypatch):
    draw = np.random.default_rng(5)
    hashes = draw.integers(0, 1 << 63, 3_000, dtype=np.uint64)[draw.zipf(1.3, 60_000) % 3_000]
    expected = Counter(hashes.tolist())

    def pieces():
        return (hashes[at : at + 500] for at in range(0, len(hashes), 500))

    whole = sizes(pieces, len(hashes))
    monkeypatch.setattr(dedup_clusters, "AT_A_TIME", 7_000)
    sliced = sizes(pieces, len(hashes))
    assert whole == sliced
    assert (whole.clusters, whole.members) == (len(expected), len(hashes))
    top = sorted(((count, hash) for hash, count in expected.items()), key=lambda pair: (-pair[0], pair[1]))
    assert whole.largest == top[: dedup_clusters.TOP]
    bins = Counter(0 if n == 1 else n.bit_length() - 1 for n in expected.values())
    assert whole.bins == bins


def test_losses_and_the_mixture(run):
    page = deduplication(open_run(run))
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"&lt;b&gt;mirror&lt;/b&gt;\s+14\s+14\s+100.0 %", text)
    assert re.search(r"all\s+[\d.]+ kB\s+[\d.]+ (k?B)", text)
    assert re.search(r"en\s+14\s+0\s+100.0 %\s+73.7 %\s+0.0 %\s+-73.7", text)
    assert re.search(r"de\s+5\s+5\s+0.0 %\s+26.3 %\s+100.0 %\s+\+73.7", text)


def test_parts_that_were_cut(run):
    finished = open_run(run)
    page = parts_of(finished, [stage.name for stage in finished.booked].index("lines"))
    assert "4 parts were found that stand elsewhere, too, in 1 documents" in page
    assert "Printed on paper &lt;script&gt;" in page
    left = [row for path in (run / "02-lines").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    (stays,) = [row["id"] for row in left if FOOTER in row["text"]]
    assert f"<td>{stays}</td>" in page


def test_the_page_is_sound_and_hostile_texts_are_text(run, tmp_path):
    page = write_report(run, tmp_path / "report.html").read_text()
    assert 'id="deduplication"' in page and "<script" not in page and "\u202e" not in page
    ElementTree.fromstring(f"<div>{deduplication(open_run(run))}</div>")
    assert write_report(run, tmp_path / "again.html").read_text() == page


def test_a_run_without_duplicates_has_no_section(tmp_path):
    path = tmp_path / "docs.jsonl"
    path.write_text('{"id": "a", "text": "one"}\n')
    run = run_recipe(Recipe(name="n", sources={"s": Jsonl(path=str(path))}), tmp_path, "run")
    assert deduplication(open_run(run)) is None
    assert deduplication(open_run(make_run(tmp_path / "twins"))) is not None, "stages of others that merge count, too"

"""The report: safe with hostile text, true to the manifests, the same every time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from audit_runs import HOSTILE, make_run

from datacurate.audit import charts
from datacurate.audit.markup import e, share, size, tag
from datacurate.audit.report import write_report
from datacurate.audit.run_folder import open_run
from datacurate.core.errors import InputError
from datacurate.core.store import write_part

VOID = {"meta", "br"}
ALLOWED = """
    html head meta title style body header footer nav section article h1 h2 h3 p a b i span div ul li table thead tbody
    tfoot tr th td details summary blockquote code pre figure figcaption br svg text line rect circle polyline
"""


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails on an element that is not closed in order."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return "\n".join(self.text)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(run) -> str:
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_only_elements_that_the_report_makes(page):
    assert {name for name, _ in page.elements} <= set(ALLOWED.split())


def test_nothing_is_loaded_or_run(page, html):
    for _, attributes in page.elements:
        assert not set(attributes) & {"src", "srcset", "data", "action", "poster", "background"}
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
        assert "url(" not in (attributes.get("style") or "")
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert "url(" not in css and "@import" not in css
    policy = next(a for n, a in page.elements if n == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_hostile_text_is_shown_as_text_and_bounded(page, html):
    assert "</script><script>alert(1)</script>" in page.words
    assert "<script>alert(4)</script>" in page.words
    assert "[U+202E]gnp.exe[U+2066] [U+0000][U+0007][U+001B][31m [U+FEFF][U+200B][U+E0041]" in page.words
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)
    assert "!" * 200 in html and "!" * 500 not in html
    assert len(html) < 100_000


def test_anchors_lead_somewhere(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] for name, attributes in page.elements if name == "a"}
    assert links == {f"#{id}" for id in ids}


def rows(html: str, section: str) -> list[list[str]]:
    """Cells of the tables of one section, as text."""
    part = re.search(rf'<section id="{section}">.*?</section>', html, re.DOTALL)[0]
    found = []
    for row in re.findall(r"<tr>(.*?)</tr>", part):
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
        found.append([re.sub(r"<[^>]*>", "", cell) for cell in cells])
    return found


def test_figures_are_those_of_the_manifests(run, html):
    funnel = {row[0]: row[1:] for row in rows(html, "funnel")}
    rules = {(row[0], row[1]): row[2:] for row in rows(html, "rules")}
    for stage in open_run(run).stages:
        books = stage.books
        gone = [sum(a["documents"] for a in books[fate].values()) for fate in ("dropped", "merged", "quarantined")]
        expected = [
            books["in"]["documents"],
            books["out"]["documents"],
            *gone,
            books["in"]["bytes"],
            books["out"]["bytes"],
        ]
        assert funnel[stage.name] == [f"{n:,}" for n in expected] + ["0"]
        for fate in ("dropped", "merged", "quarantined"):
            for rule, amounts in books[fate].items():
                found = rules.pop((stage.name, rule))
                assert found[:2] == [fate, f"{amounts['documents']:,}"] and found[3] == size(amounts["bytes"])
    assert rules.keys() == {("stage", "rule")}


def test_figures_of_the_documents_are_those_that_went_in(html):
    found = {row[0]: row[1:] for row in rows(html, "funnel")}
    assert found["read"][:5] == ["37", "36", "0", "0", "1"]
    assert found["shouting"][:5] == ["36", "28", "7", "0", "1"]
    assert found["twins"][:5] == ["28", "25", "0", "3", "0"]
    sources = {row[0]: row[1:4] for row in rows(html, "sources")}
    assert sources["web"] == ["29", "21", "72.4 %"]
    assert sources["&lt;b&gt;books&lt;/b&gt;"] == ["8", "4", "50.0 %"]


def test_samples_say_why(page):
    assert "shouting: 0.3, bound 0.2" in page.words
    assert "shouting: 1, bound 0.2; also short" in page.words
    assert "twin; survivor book-0, similarity 0.875" in page.words
    assert "ValueError: boom <b>here</b>" in page.words


def test_the_same_run_gives_the_same_bytes(run, html, tmp_path):
    out = write_report(run, tmp_path / "deep" / "again.html")
    assert out == tmp_path / "deep" / "again.html" and out.read_text(encoding="utf-8") == html


def test_checks_fail_loudly(tmp_path):
    run = make_run(tmp_path)
    assert "FAILS" not in write_report(run).read_text()
    path = run / "01-shouting" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["ledger"]["out"]["documents"] += 1
    path.write_text(json.dumps(manifest))
    text = write_report(run).read_text()
    assert text.count("FAILS") == 3 and "do not balance" in text


def test_receipts_and_losses(tmp_path):
    run = make_run(tmp_path)
    receipt = [
        {
            "source": s,
            "split": 0,
            "weight": w,
            "planned_tokens": p,
            "written_tokens": p - off,
            "available_tokens": 4_000,
        }
        | {"documents": 12, "empty": 0, "epochs": p / 4_000}
        for s, w, p, off in (("web", 0.75, 1_234_567, 0), ("<i>", 0.25, 411_522, 2))
    ]
    metrics = [{"step": n, "split": "train", "source": "", "loss": 8 - n / 100} for n in range(1, 401)]
    metrics += [{"step": 400, "split": "validation", "source": s, "loss": 4.5} for s in ("", "web", "<i>")]
    metrics += [{"step": 0, "split": "unigram", "source": "", "loss": 7.25}]
    add_stage(run, "mixture", "receipt", receipt)
    amounts = ("planned", "drawn", "packed", "not_reached", "repeated", "trained", "unscored", "scored")
    numbers = zip(amounts, (9_100, 9_000, 9_000, 2_000, 0, 7_000, 30, 6_970), strict=True)
    account = {"stage": "core", "source": "<i>"} | {f"{name}_tokens": n for name, n in numbers}
    add_stage(run, "training", "trained", metrics, accounts=[account])
    html = write_report(run).read_text()
    expected = ["core, &lt;i&gt;", "9,100", "9,000", "9,000", "2,000", "0", "7,000", "30", "6,970"]
    assert expected in rows(html, "training") and ["all", *expected[1:]] in rows(html, "training")
    page = Page(html)
    assert ["web", "75.0 %", "1,234,567", "1,234,567", "1,234,567", "0", "4,000", "308.64", "12"] in rows(
        html, "mixture"
    )
    assert ["&lt;i&gt;", "25.0 %", "411,522", "411,522", "411,520", "-2", "4,000", "102.88", "12"] in rows(
        html, "mixture"
    )
    assert "training tokens planned ≠ 1,646,087 written" in page.words
    assert ["train", "400", "7.990", "4.000", "54.6"] in rows(html, "training")
    assert "unigram 7.250" in page.words and "validation, <i>" in page.words
    line = next(a["points"] for n, a in page.elements if n == "polyline")
    assert 100 < len(line.split()) <= 302


def test_shares_by_source_on_the_way_to_the_mixture(tmp_path):
    run = make_run(tmp_path)
    names = list(open_run(run).booked[0].manifest["sources"])
    receipt = [
        {"source": name, "split": split, "weight": 0.5, "planned_tokens": n, "written_tokens": n}
        | {"available_tokens": 2 * n, "documents": 3, "empty": 0, "epochs": 0.5}
        for split, most in ((0, 900), (1, 40))
        for name, n in zip(names, range(100, most, 100), strict=False)
    ]
    add_stage(run, "mixture", "receipt", receipt)
    found = {row[0]: row[1:] for row in rows(write_report(run).read_text(), "mixture") if len(row) == len(names) + 1}
    booked = open_run(run).booked
    came = {name: books["in"]["bytes"] for name, books in booked[0].manifest["sources"].items()}
    first = sorted(found["as it came"])
    assert first == sorted(e(share(n, sum(came.values()))) for n in came.values())
    tokens = [100 * at for at in range(1, len(names) + 1)]
    assert sorted(found["mixture, written"]) == sorted(e(share(n, sum(tokens))) for n in tokens)


def add_stage(run: Path, name: str, phase: str, table: list[dict], **more: list[dict]) -> None:
    """A finished stage without documents."""
    plan = json.loads((run / "plan.json").read_text())
    folder = run / f"{len(plan['stages']):02d}-{name}"
    plan["stages"].append({"name": name, "key": "k", "version": 1, "fields": {}, "phases": {}, "sources": {}})
    (run / "plan.json").write_text(json.dumps(plan))
    phases = {}
    for one, made in {phase: table, **more}.items():
        write_part(folder / f"{one}.parquet", pa.Table.from_pylist(made))
        phases[one] = {"key": "k", "parts": [f"{one}.parquet"]}
    manifest = {
        "stage": name,
        "folder": folder.name,
        "key": "k",
        "version": 1,
        "fields": {},
        "shards": [],
        "ledgers": [],
    }
    (folder / "manifest.json").write_text(json.dumps({**manifest, "phases": phases}))


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not the folder of a run"):
        write_report(tmp_path)
    run = make_run(tmp_path)
    with pytest.raises(InputError, match="It is a stage of the run"):
        open_run(run / "01-shouting")
    with pytest.raises(InputError, match="is a folder"):
        write_report(run, tmp_path)
    (run / "02-twins" / "manifest.json").unlink()
    with pytest.raises(InputError, match="has not finished: 02-twins"):
        open_run(run)


def test_markup_escapes_whatever_it_did_not_make():
    assert tag("p", "<b>", tag("i", "&"), None, title='"x"') == '<p title="&quot;x&quot;">&lt;b&gt;<i>&amp;</i></p>'
    assert e("a" * 10, 3) == "aaa…"
    assert all("<" not in e(text).replace("&lt;", "") for text in HOSTILE)


def test_figures_for_people():
    assert [size(n) for n in (0, 999, 1_000, 999_949, 999_950, 12_345_678)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "12.3 MB",
    ]  # fmt: skip
    assert [share(a, b) for a, b in ((0, 0), (0, 5), (1, 5_000), (4_999, 5_000), (5, 5), (1, 3))] == [
        "—", "0.0 %", "<0.1 %", ">99.9 %", "100.0 %", "33.3 %",
    ]  # fmt: skip


def test_languages_are_ranked_and_the_rest_summed_up(tmp_path):
    run = make_run(tmp_path)
    path = run / "02-twins" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["languages"] = {f"l{n:02d}": 1_000 + n for n in range(30)}
    path.write_text(json.dumps(manifest))
    part = re.search(r'<section id="languages">.*?</section>', write_report(run).read_text(), re.DOTALL)[0]
    words = re.findall(r">([^<>]+)<", part)
    assert words[-2:] == ["6,015", "19.8 %"]
    assert words.index("l29") < words.index("l28") < words.index("6 others") and "l05" not in words


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (2.9, 9.7, [2, 4, 6, 8, 10]), (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1])],
)
def test_ticks_are_round_and_span_the_data(low, high, ticks):
    assert charts.nice_ticks(low, high) == ticks


def test_long_lines_are_averaged_and_keep_their_end():
    made = charts.averaged([float(n) for n in range(1_000)])
    assert len(made) <= charts.POINTS + 1 and made[0] == 1.5 and made[-1] == 999
    assert charts.averaged([3.0, 1.0]) == [3.0, 1.0]


def test_labels_at_line_ends_do_not_cover_each_other():
    placed = charts._spread([(100, 0), (99, 1), (50, 2)])
    assert {at: where for where, at in placed} == {0: 100, 1: 88, 2: 50}


def test_importing_the_audit_is_light():
    code = "import sys, datacurate.audit.report, datacurate.audit.trace, datacurate.audit.diff, datacurate.audit.lint;"
    code += "print([m for m in ('numba', 'torch', 'transformers', 'fasttext') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"

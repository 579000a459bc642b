"""What the report and `curate trace` say of the stage `pii`: counts, and never a secret."""

import json

import yaml

from datacurate.api import run_recipe
from datacurate.audit.pii_report import counted
from datacurate.audit.report import write_report
from datacurate.audit.run_folder import open_run
from datacurate.audit.trace import trace
from datacurate.core.recipe import loads


def make(tmp_path, **options):
    for name, texts in {
        "mail": ["xyzzy@gmail.com and plugh@gmail.com", "nothing here"],
        "logs": ["from 41.173.96.26 xyzzy@gmail.com", "+12124567890 rang"],
    }.items():
        rows = [json.dumps({"id": f"{name}-{at}", "text": text}) + "\n" for at, text in enumerate(texts)]
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    sources = {name: str(tmp_path / f"{name}.jsonl") for name in ("mail", "logs")}
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    recipe = loads(yaml.safe_dump({"sources": sources, "stages": [{"pii": options} if options else "pii"]}))
    run_recipe(recipe, tmp_path / "run", tmp_path / "store", profile)
    return tmp_path / "run"


def test_spans_by_source_and_kind(tmp_path):
    run = make(tmp_path)
    sources, forms = counted(open_run(run).booked[-1])
    assert sources["mail"]["email"] == 2 and sources["mail"]["documents"] == 2 and sources["mail"]["found"] == 1
    assert sources["logs"]["ip"] == 1 and sources["logs"]["phone"] == 1 and sources["logs"]["found"] == 2
    assert forms == {("email", "email"): 3, ("ip", "ipv4"): 1, ("phone", "phone"): 1}
    page = write_report(run).read_text()
    assert "Personal data" in page and "ipv4" in page and "xyzzy" not in page and "41.173.96.26" not in page


def test_a_dropped_document_shows_no_secret(tmp_path):
    run = make(tmp_path, action="drop")
    said = trace(run, "mail-0").as_text()
    assert "dropped by email: 2, bound 0" in said and "begins: <EMAIL> and <EMAIL>" in said
    assert "xyzzy" not in json.dumps(trace(run, "logs-0").as_json())
    page = write_report(run).read_text()
    assert "&lt;EMAIL&gt; and &lt;EMAIL&gt;" in page and "xyzzy" not in page and "2124567890" not in page


def test_nothing_found(tmp_path):
    assert "Nothing was found" in write_report(make(tmp_path, kinds=["iban"])).read_text()

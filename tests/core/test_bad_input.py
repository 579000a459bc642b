"""Bad input gives a clear error, or is quarantined and counted; nothing disappears and no traceback is printed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stages_for_tests as own
from core_tools import (
    curate,
    curate_process,
    fates,
    inline_profile,
    ledger_rows,
    recipe_of,
    run,
    write_jsonl,
    write_parquet,
    write_recipe,
)

from datacurate.core.errors import QuarantineError, TaskError
from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe

MENU = "<html><body><p>A page about nothing much, in a whole sentence.</p></body></html>"


@pytest.fixture
def command(tmp_path, capsys):
    """`curate run` in this process over a recipe: exit status and standard error."""

    def made(recipe: Recipe, *more) -> tuple[int, str]:
        path = write_recipe(tmp_path / "recipe.yaml", recipe)
        common = ["--store", tmp_path / "store", "--profile", inline_profile(tmp_path)]
        code, _, said = curate(capsys, "run", path, "--out", tmp_path / "run", *common, *more)
        return code, said

    return made


def record(block: bytes, length: int | None = None) -> bytes:
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
    )
    size = len(block) if length is None else length
    return f"{head}Content-Length: {size}\r\n\r\n".encode() + block + b"\r\n\r\n"


def page(body: bytes = MENU.encode(), kind: str = "text/html") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body


def quarantined(folder: Path, stage: str = "read") -> list[tuple[str, str]]:
    return [(row["rule"], row["error"]) for row in ledger_rows(folder, stage) if row["fate"] == "quarantined"]


def listed(folder: Path) -> list[dict]:
    """What the run lists for people in its quarantine folder."""
    return [json.loads(line) for file in sorted(folder.glob("quarantine/*.jsonl")) for line in file.open()]


def test_a_truncated_gzip_file_gives_what_was_whole(tmp_path, command):
    lines = b"".join(json.dumps({"id": str(n), "text": "x" * 500 + str(n * n)}).encode() + b"\n" for n in range(2000))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(lines, 1)[:-2000])
    code, said = command(recipe_of(tmp_path / "cut.jsonl.gz", own.MinChars()))
    assert code == 0, said
    done = tmp_path / "run"
    read = fates(done, "read")
    assert read["truncated"] == 1 and 0 < read["out"] < 2000
    assert read["in"] == read["out"] + 1
    assert fates(done, "min_chars")["in"] == read["out"]
    [(rule, error)] = quarantined(done)
    assert rule == "truncated" and "cut off" in error
    assert [row["rule"] for row in listed(done)] == ["truncated"]


def test_a_truncated_gzip_warc_keeps_the_records_before(tmp_path, command):
    members = [gzip.compress(record(page())) for _ in range(3)]
    (tmp_path / "cut.warc.gz").write_bytes(b"".join(members)[:-30])
    code, said = command(recipe_of(tmp_path / "cut.warc.gz"))
    assert code == 0, said
    assert fates(tmp_path / "run", "read") == {"in": 3, "out": 2, "truncated": 1}


@pytest.mark.parametrize("length", [10, 10**6])
def test_a_wrong_content_length_is_counted(tmp_path, command, length):
    (tmp_path / "x.warc").write_bytes(record(page()) + record(page(), length) + record(page()))
    code, said = command(recipe_of(tmp_path / "x.warc"))
    assert code == 0, said
    read = fates(tmp_path / "run", "read")
    assert read["out"] >= 1 and read["in"] > read["out"]
    assert quarantined(tmp_path / "run"), "what cannot be read is in quarantine"
    assert all(error for _, error in quarantined(tmp_path / "run"))


def test_records_that_are_not_html_are_dropped_with_a_reason(tmp_path, command):
    """By their type, or by bytes that no text has."""
    pdf, page_again = page(b"%PDF-1.4 \x00\x01", "application/pdf"), page()
    nonsense = page(bytes(range(256)) * 20)
    (tmp_path / "x.warc").write_bytes(record(pdf) + record(page_again) + record(nonsense))
    code, said = command(recipe_of(tmp_path / "x.warc", _extract()))
    assert code == 0, said
    assert fates(tmp_path / "run", "read")["not_html"] == 2
    books = fates(tmp_path / "run", "extract")
    assert books["in"] == sum(n for name, n in books.items() if name != "in")


def _extract():
    from datacurate.stages.extract import Extract

    return Extract()


def test_lines_that_are_no_documents_are_quarantined_one_by_one(tmp_path, command):
    lines = [
        b'{"id": "ok", "text": "fine text"}',
        b"[1, 2]",
        b'"just a string"',
        b"{broken",
        b'{"text": 5}',
        b'{"id": "no text"}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "\\ud800"}',
        b"null",
        b'{"id": "ok2", "text": "more text"}',
    ]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    code, said = command(recipe_of(tmp_path / "x.jsonl", own.MinChars()))
    assert code == 0, said
    assert fates(tmp_path / "run", "read") == {
        "in": 10, "out": 2, "not_object": 3, "not_json": 1, "no_text": 2, "not_utf8": 1, "bad_unicode": 1,
    }  # fmt: skip
    assert fates(tmp_path / "run", "min_chars") == {"in": 2, "out": 2}
    payloads = [row["payload"].encode() for row in listed(tmp_path / "run")]
    assert b"[1, 2]" in payloads and b"{broken" in payloads
    assert all(row["error"] for row in listed(tmp_path / "run"))


def test_a_parquet_file_without_text_is_an_error_before_anything_runs(tmp_path, command):
    path = write_parquet(tmp_path / "x.parquet", id=["a"], body=["long text"])
    code, said = command(recipe_of(path, own.MinChars()))
    assert code == 3
    assert "has no column 'text'; it has: id, body" in said
    assert f"{{parquet: {path}, text: COLUMN}}" in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


def test_a_parquet_file_whose_text_is_no_text(tmp_path, command):
    code, said = command(recipe_of(write_parquet(tmp_path / "x.parquet", text=[1, 2]), own.MinChars()))
    assert code == 3 and "column 'text' holds int64, not strings" in said


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.parquet", "x.warc.gz", "x.warc"])
def test_a_file_of_zero_bytes_is_one_quarantined_record(tmp_path, command, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).touch()
    code, said = command(recipe_of(tmp_path / "in", own.MinChars() if "warc" not in name else _extract()))
    assert code == 0, said
    assert fates(tmp_path / "run", "read") == {"in": 1, "out": 0, "empty": 1}


def test_a_parquet_file_cut_short_is_one_quarantined_record(tmp_path, command):
    path = write_parquet(tmp_path / "x.parquet", id=["a", "b"], text=["long text", "more"])
    path.write_bytes(path.read_bytes()[:-10])
    code, said = command(recipe_of(path, own.MinChars()))
    assert code == 0, said
    assert fates(tmp_path / "run", "read") == {"in": 1, "out": 0, "not_parquet": 1}


def test_a_parquet_file_with_broken_pages_loses_those_rows_only(tmp_path, command):
    rows = pa.table({"id": [str(n) for n in range(3000)], "text": [f"text {n * n} " * 50 for n in range(3000)]})
    path = tmp_path / "x.parquet"
    pq.write_table(rows, path, row_group_size=1000, compression="zstd", use_dictionary=False, write_statistics=False)
    column = pq.read_metadata(path).row_group(1).column(1)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset + 100
    data[start : start + 200] = bytes(200)
    path.write_bytes(bytes(data))
    code, said = command(recipe_of(path, own.MinChars()))
    assert code == 0, said
    read = fates(tmp_path / "run", "read")
    assert read["out"] >= 2000 and read["unreadable"] >= 1


@pytest.mark.parametrize("option", ["--store", "--out"])
def test_a_folder_that_cannot_be_made(tmp_path, command, option):
    source = write_jsonl(tmp_path / "x.jsonl", ["long text"])
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        code, said = command(recipe_of(source, own.MinChars()), option, place)
        assert code == 3, said
        assert str(tmp_path / "file") in said and "Choose another folder, with --out or --store." in said
        assert "Traceback" not in said


@pytest.mark.parametrize("output", ["read ledger", "signals", "ledger", "documents"])
def test_a_full_disk_is_said_and_the_rest_can_be_done_later(tmp_path, command, output):
    folder = tmp_path / "in"
    for name in "ab":
        write_jsonl(folder / f"{name}.jsonl", [f"long text {name}"])
    recipe = recipe_of(folder, own.MinChars())
    task = plan(recipe, tmp_path / "store").tasks[0]
    path = Path(dict(zip(["read ledger", "signals", "ledger", "documents"], task.outputs, strict=True))[output])
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}.tmp").symlink_to("/dev/full")
    code, said = command(recipe)
    assert code == 3, said
    assert f"{path}: the disk is full. Free some space and run again" in said and "Traceback" not in said
    assert not list((tmp_path / "store").rglob("*.tmp")), "half-written files are removed"
    assert [task.done() for task in plan(recipe, tmp_path / "store").tasks] == [False, True]
    assert command(recipe)[0] == 0
    assert fates(tmp_path / "run", "min_chars") == {"in": 2, "out": 2}


@pytest.mark.parametrize("name", [".plan.json.tmp", "01-min_chars/.manifest.json.tmp"])
def test_a_full_disk_under_the_run_folder(tmp_path, command, name):
    recipe = recipe_of(write_jsonl(tmp_path / "x.jsonl", ["long text"]), own.MinChars())
    path = tmp_path / "run" / name
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")
    code, said = command(recipe)
    assert code == 3 and "the disk is full" in said and "Traceback" not in said


@pytest.mark.parametrize("name", ["run/recipe.yaml", "run/quarantine/00-read.jsonl"])
def test_a_full_disk_for_text_files(tmp_path, command, name):
    source = write_jsonl(tmp_path / "x.jsonl", ["long text"])
    source.write_text(source.read_text() + "{broken\n")
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}.tmp").symlink_to("/dev/full")
    code, said = command(recipe_of(source, own.MinChars()))
    assert code == 3 and "the disk is full" in said and "Traceback" not in said


def test_too_much_quarantine_stops_the_run(tmp_path, command):
    lines = [json.dumps({"text": f"text {n}"}) for n in range(8)] + ["{broken", "[]"]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    code, said = command(recipe_of(tmp_path / "x.jsonl", own.MinChars(), quarantine_limit=0.1))
    assert code == 5
    assert "2 of 10 documents (20.0%) are quarantined, more than quarantine_limit 10.0% allows" in said
    assert "most of them by read, for example: not_json: line 9: " in said
    assert (
        said.rstrip().endswith("mend the input, or raise quarantine_limit in the recipe (`curate run`).")
        and "Traceback" not in said
    )
    assert command(recipe_of(tmp_path / "x.jsonl", own.MinChars(), quarantine_limit=0.2))[0] == 0


def test_too_much_quarantine_stops_the_run_again(tmp_path, command):
    """A second launch finds everything done; the limit holds nevertheless."""
    (tmp_path / "x.jsonl").write_text('{"text": "long text"}\n{broken\n')
    recipe = recipe_of(tmp_path / "x.jsonl", own.MinChars(), quarantine_limit=0.1)
    assert [command(recipe)[0] for _ in range(2)] == [5, 5]


@pytest.mark.parametrize("stage", [own.RaisesOn(), own.MeasureRaisesOn()])
def test_a_document_that_a_stage_fails_on_is_quarantined_alone(tmp_path, stage):
    texts = [f"text number {n}" for n in range(50)]
    texts[17] = "the one that goes boom"
    texts[31] = "and boom again"
    done = run(recipe_of(write_jsonl(tmp_path / "a.jsonl", texts), stage, own.Upper()), tmp_path)
    name = stage.name()
    assert fates(done, name) == {"in": 50, "out": 48, f"{name}_failed": 2}
    assert fates(done, "upper") == {"in": 48, "out": 48}
    rows = {row["id"]: row for row in ledger_rows(done, name)}
    assert set(rows) == {"a-17", "a-31"} and {row["fate"] for row in rows.values()} == {"quarantined"}
    assert "ValueError: cannot" in rows["a-17"]["error"] and "stages_for_tests.py:" in rows["a-17"]["error"]
    assert rows["a-17"]["payload"] == b"the one that goes boom"
    survivors = done.dataset().table(["id", "text"]).to_pylist()
    assert [row["id"] for row in survivors] == [f"a-{n}" for n in range(50) if n not in (17, 31)]
    assert all(row["text"] == texts[int(row["id"][2:])].upper() for row in survivors)


def test_documents_behind_a_quarantined_one_keep_their_signals(tmp_path):
    texts = ["boom", "xx", "long text", "yy", "other boom", "more text"]
    done = run(recipe_of(write_jsonl(tmp_path / "a.jsonl", texts), own.MeasureRaisesOn()), tmp_path)
    rows = {row["id"]: (row["fate"], row["value"]) for row in ledger_rows(done, "measure_raises_on")}
    assert rows == {
        "a-0": ("quarantined", None),
        "a-4": ("quarantined", None),
        "a-1": ("dropped", 2.0),
        "a-3": ("dropped", 2.0),
    }
    assert done.dataset().table(["id"])["id"].to_pylist() == ["a-2", "a-5"]


def test_documents_beside_a_quarantined_one_are_dropped_by_their_own_rule(tmp_path):
    texts = ["fine", "boom", "also fine", "drop me", "fine too", "boom", "drop me as well", "fine"]
    done = run(recipe_of(write_jsonl(tmp_path / "a.jsonl", texts), own.DropsOrRaises()), tmp_path)
    rows = {row["id"]: row["rule"] for row in ledger_rows(done, "drops_or_raises")}
    failed = "drops_or_raises_failed"
    assert rows == {"a-1": failed, "a-3": "unwanted", "a-5": failed, "a-6": "unwanted"}
    assert done.dataset().table(["id"])["id"].to_pylist() == ["a-0", "a-2", "a-4", "a-7"]


def test_a_stage_that_fails_on_every_document_passes_the_limit(tmp_path):
    source = write_jsonl(tmp_path / "a.jsonl", ["boom one", "boom two"])
    with pytest.raises(QuarantineError, match=r"2 of 2 documents .* by raises_on, for example: raises_on_failed: Val"):
        run(recipe_of(source, own.RaisesOn(), quarantine_limit=0.9), tmp_path)


@pytest.mark.parametrize("stage", [own.RaisesAlways(), own.PeeksAtThreshold()])
def test_a_stage_that_cannot_work_at_all_is_a_failed_task(tmp_path, stage):
    source = write_jsonl(tmp_path / "a.jsonl", ["one", "two"])
    words = "always wrong" if isinstance(stage, own.RaisesAlways) else "AttributeError.*min_chars"
    with pytest.raises(TaskError, match=words) as caught:
        run(recipe_of(source, stage), tmp_path)
    assert stage.name() in str(caught.value) and "log: " in str(caught.value)


def test_through_the_command_and_its_workers(tmp_path):
    """The whole way once: a process, worker processes, several bad files beside good ones."""
    folder = tmp_path / "in"
    write_jsonl(folder / "good.jsonl", ["long text", "more text", "boom"])
    (folder / "empty.jsonl").touch()
    (folder / "broken.jsonl").write_bytes(b'{"text": "\xff"}\n[]\n')
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"text": "abc"}\n')[:-3])
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(folder, own.RaisesOn(), own.MinChars()))
    done = curate_process("run", recipe, "--out", tmp_path / "run", "--store", tmp_path / "store", "--workers", 2)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    read = fates(tmp_path / "run", "read")
    assert read.pop("in") == sum(read.values())
    assert (read["empty"], read["not_utf8"], read["not_object"], read["truncated"]) == (1, 1, 1, 1)
    assert fates(tmp_path / "run", "raises_on")["raises_on_failed"] == 1
    assert {row["rule"] for row in listed(tmp_path / "run")} >= {"empty", "not_utf8", "truncated", "raises_on_failed"}

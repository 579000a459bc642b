"""Which files of a folder are read, and that the others are counted."""

import json

import pytest

from datacurate import run_recipe
from datacurate.core.errors import InputError
from datacurate.core.recipe import loads
from datacurate.describe import plan_as_text, run_as_text
from datacurate.sources import find_format, listing
from datacurate.sources.html import Html

PAGE = "<!DOCTYPE html><html><body><p>A page of a site.</p></body></html>"


@pytest.fixture
def mirror(tmp_path):
    """What `wget -r` leaves of a site of PHP pages."""
    folder = tmp_path / "mirror"
    (folder / "wiki").mkdir(parents=True)
    pages = ("index.php", "view.php?id=3", "view?id=4", "wiki/Harbour", "old.html.1", "a.shtml", "wiki/v1.2", "b.asp")
    for name in pages:
        (folder / name).write_text(PAGE)
    (folder / "_hidden").write_text(PAGE)
    (folder / "source.php").write_text("<?php echo 'no page'; ?>")
    (folder / "README").write_text("No page either.")
    (folder / "style.css?ver=5").write_text("<style>p {}</style>")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder, sorted(pages)


def test_pages_without_a_known_ending_are_read(mirror, everything):
    folder, pages = mirror
    assert find_format(folder) is Html
    docs, unread = everything(Html(path=str(folder)))
    assert (sorted(row["id"] for row in docs), unread) == (pages, [])
    assert listing(folder, Html.suffixes, pages=True).left == {".png": 2, ".css": 1, ".php": 1, "": 1}


def test_folders_of_other_formats_take_no_pages(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "page").write_text(PAGE)
    assert find_format(tmp_path).name() == "jsonl"
    found = listing(tmp_path)
    assert ([file.name for file in found.files], found.left) == (["a.jsonl"], {"": 1})


def test_files_that_are_left_out_are_said(mirror, tmp_path, root):
    from datacurate import plan
    from datacurate.audit.report import write_report

    recipe = loads(f"{{name: r, sources: {{site: {{html: '{mirror[0]}'}}}}, stages: [extract]}}")
    said = "source site: 5 files are left out for the ending: 2 .png, 1 .css, 1 .php, 1 without ending."
    assert said in plan_as_text(plan(recipe, tmp_path / "store"), None)
    run = run_recipe(recipe, tmp_path / "run", tmp_path / "store", root / "pipelines/profiles/inline.yaml", quiet=True)
    assert said in run_as_text(run)
    manifest = json.loads((tmp_path / "run/00-read/manifest.json").read_text())
    assert manifest["left_out"] == {"site": {".png": 2, ".css": 1, ".php": 1, "": 1}}
    assert "5 files are left out" in write_report(tmp_path / "run", None).read_text()


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, root):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "x"}\n')
    run = run_recipe(
        loads(f"{{name: r, sources: {{s: '{tmp_path / 'in'}'}}}}"),
        tmp_path / "run", tmp_path / "store", root / "pipelines/profiles/inline.yaml", quiet=True,
    )  # fmt: skip
    assert "left out" not in run_as_text(run)
    assert "left_out" not in run.manifests[0]


def test_a_folder_of_nothing_known_says_what_it_holds(tmp_path):
    for name in ("a.txt", "b.txt", "c"):
        (tmp_path / name).write_text("plain")
    with pytest.raises(InputError, match=r"it holds 2 \.txt, 1 without ending"):
        find_format(tmp_path)


def test_a_mixed_folder_advises_endings_that_it_holds(tmp_path):
    (tmp_path / "a.arc.gz").touch()
    (tmp_path / "b.warc").touch()
    with pytest.raises(InputError, match=r"arc and warc files.*/\*\*/\*\.arc\.gz, or in a recipe \{arc: "):
        find_format(tmp_path)


def test_a_named_file_of_unknown_ending_is_an_error(tmp_path):
    (tmp_path / "page.php").write_text(PAGE)
    with pytest.raises(InputError, match="names no format that is known"):
        find_format(tmp_path / "page.php")

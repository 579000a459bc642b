"""`against`: documents that other datasets, or an index of them, hold already."""

from __future__ import annotations

import random
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from against_tools import dataset, index, kept, merged, run, write

from datacurate.api import index_stage
from datacurate.core.errors import CurateError

OLD = [("a", "one two"), ("b", "three"), ("b2", "three "), ("e", "")]
NEW = [("x", "one  two"), ("y", "three"), ("z", "four"), ("z2", "four "), ("e", ""), ("a", "One two"), ("b", "one two")]


def test_exact_merges_into_the_other_dataset_first(tmp_path):
    old = dataset(tmp_path, "old", OLD)
    run("exact", write(tmp_path / "new", NEW), tmp_path / "out", against=[str(old)])
    assert kept(tmp_path / "out") == ["a", "e", "z2"]
    assert merged(tmp_path / "out") == {
        "x": ("exact_duplicate_against", "old:a", 1.0),
        "b": ("exact_duplicate_against", "old:a", 1.0),
        "y": ("exact_duplicate_against", "old:b", 1.0),
        "z": ("exact_duplicate", "z2", 1.0),
    }
    run("exact", write(tmp_path / "new", NEW), tmp_path / "out", against=str(old), ignore_case=True)
    assert merged(tmp_path / "out")["a"] == ("exact_duplicate_against", "old:a", 1.0)


def random_docs(seed: int, count: int, prefix: str) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    return [(f"{prefix}{at:04d}", f"text {rng.randrange(count)}") for at in range(count)]


@pytest.mark.parametrize("keep", ["first", "longest"])
def test_exact_is_a_minus_b(tmp_path, keep):
    """Against sets, for any dealing of either side to files, and several datasets in any order."""
    older, old, new = random_docs(1, 150, "o"), random_docs(2, 150, "p"), random_docs(3, 300, "n")
    had = {text for _, text in older + old}
    found = set()
    for at, (left, right) in enumerate([(1, 1), (3, 1), (1, 4), (2, 3)]):
        folders = [dataset(tmp_path, f"d{at}/a", older, left), dataset(tmp_path, f"d{at}/b", old, left)]
        folders = folders[:: 1 if at % 2 else -1]
        out = tmp_path / f"out{at}"
        run("exact", write(tmp_path / f"new{at}", new, right), out, against=[str(f) for f in folders], max_loss=None)
        gone = merged(out)
        texts = dict(new)
        assert {texts[id] for id in kept(out)} == {text for _, text in new} - had
        assert len(kept(out)) == len({text for _, text in new} - had)
        against = {id: to for id, (rule, to, _) in gone.items() if rule == "exact_duplicate_against"}
        assert set(against) == {id for id, text in new if text in had}
        names = {f"a:{id}": text for id, text in older} | {f"b:{id}": text for id, text in old}
        for id, to in against.items():
            assert to == min(name for name, text in names.items() if text == texts[id])
        found.add(tuple(sorted(against.items())))
    assert len(found) == 1


def test_what_is_there_is_not_done_again(tmp_path):
    old, new = dataset(tmp_path, "old", OLD), write(tmp_path / "new", NEW)
    out = tmp_path / "out"
    assert run("exact", new, out, against=[str(old)]).tasks > 0
    assert run("exact", new, out, against=[str(old), str(old)]).tasks == 0
    for part in (out / ".store").glob("exact.index-*/*.parquet"):
        part.unlink()
    assert run("exact", new, out, against=[str(old)]).tasks == 1
    plain = run("exact", new, out).tasks
    assert plain > 0 and run("exact", new, out).tasks == 0
    assert run("exact", new, out, against=[str(old)]).tasks == 0
    more = dataset(tmp_path, "more", [("f", "four")])
    assert run("exact", new, out, against=[str(old), str(more)]).tasks > 0
    assert run("exact", new, out, against=[str(more), str(old)]).tasks == 0, "their order does not matter"
    assert kept(out) == ["a", "e"]


@pytest.mark.parametrize("folder", ["nowhere", "files"])
def test_what_is_no_dataset_is_refused(tmp_path, folder):
    write(tmp_path / "files", OLD)
    with pytest.raises(CurateError, match=r"exact: against: .*(no such folder|no manifest.json)"):
        run("exact", write(tmp_path / "new", NEW), tmp_path / "out", against=[str(tmp_path / folder)])


def test_an_index_says_what_its_datasets_say_and_needs_them_no_more(tmp_path):
    a, b = dataset(tmp_path, "a", random_docs(1, 150, "o"), 3), dataset(tmp_path, "b", random_docs(2, 150, "p"))
    new = write(tmp_path / "new", random_docs(3, 300, "n"), 2)
    run("exact", new, tmp_path / "out", against=[str(a), str(b)], max_loss=None)
    expected = merged(tmp_path / "out")
    whole = index(tmp_path / "whole.index", [a, b], "exact")
    index(tmp_path / "grown.index", [a], "exact")
    grown = index(tmp_path / "grown.index", [b])
    assert sorted(grown.manifest["parts"], key=str) == sorted(whole.manifest["parts"], key=str)
    again = index(tmp_path / "grown.index", [b, a])
    assert again.manifest == grown.manifest, "what is there is not added again"
    assert [one["name"] for one in grown.manifest["datasets"]] == ["a", "b"]
    shutil.rmtree(a)
    shutil.rmtree(b)
    for name in ("whole.index", "grown.index"):
        run("exact", new, tmp_path / name / "out", against=[str(tmp_path / name)], max_loss=None)
        assert merged(tmp_path / name / "out") == expected


def test_a_dataset_under_another_name_is_not_added_again(tmp_path):
    old = dataset(tmp_path, "old", OLD)
    first = index(tmp_path / "i", [old], "exact")
    shutil.move(old, tmp_path / "moved")
    assert index(tmp_path / "i", [tmp_path / "moved"]).manifest == first.manifest


def test_different_datasets_of_one_name_are_refused(tmp_path):
    """Survivors are named NAME:ID, with the last part of the folder as NAME."""
    one, other = dataset(tmp_path / "d1", "out", OLD), dataset(tmp_path / "d2", "out", [("a", "nine")])
    new = write(tmp_path / "new", NEW)
    for name, stage in (("e", "exact"), ("u", "minhash")):
        with pytest.raises(CurateError, match=r"d1/out and .*d2/out have different datasets named 'out'.*rename one"):
            run(stage, new, tmp_path / name, against=[str(one), str(other)])
        assert not list((tmp_path / name).glob(".store/*/*.parquet")), "refused before anything is done"
    with pytest.raises(CurateError, match=r"d1/out and .*d2/out have different datasets named 'out'"):
        index(tmp_path / "both", [one, other], "exact")
    index(tmp_path / "i", [one], "exact")
    with pytest.raises(CurateError, match=r"/i and .*d2/out have different datasets named 'out'"):
        index(tmp_path / "i", [other])
    with pytest.raises(CurateError, match=r"/i and .*d2/out have different datasets named 'out'"):
        run("exact", new, tmp_path / "out", against=[str(tmp_path / "i"), str(other)])
    run("exact", new, tmp_path / "out", against=[str(tmp_path / "i"), str(one)])
    shutil.move(other, tmp_path / "d2/other")
    index(tmp_path / "i", [tmp_path / "d2/other"])
    run("exact", new, tmp_path / "out", against=[str(tmp_path / "i"), str(tmp_path / "d2/other")])


def test_an_index_with_a_part_missing_or_damaged_or_of_other_rules_is_refused(tmp_path):
    old, new = dataset(tmp_path, "old", OLD), write(tmp_path / "new", NEW)
    folder = tmp_path / "old.index"
    index(folder, [old], "exact")
    with pytest.raises(CurateError, match=r"ignore_case false, not true.*dedup index"):
        run("exact", new, tmp_path / "out", against=[str(folder)], ignore_case=True)
    with pytest.raises(CurateError, match=r"an index is there already.*--extend"):
        index(folder, [old], "exact")
    part = next(folder.glob("exact.index-*/*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + b"?")
    with pytest.raises(CurateError, match=r"old.index: exact.index.*parquet is damaged. Make the index again"):
        run("exact", new, tmp_path / "out", against=[str(folder)])
    part.write_bytes(whole[:-1])
    with pytest.raises(CurateError, match="damaged"):
        run("exact", new, tmp_path / "out", against=[str(folder)])
    part.unlink()
    with pytest.raises(CurateError, match="is missing"):
        run("exact", new, tmp_path / "out", against=[str(folder)])
    part.write_bytes(whole)
    run("exact", new, tmp_path / "out", against=[str(folder)])
    manifest = folder / "index.json"
    manifest.write_text(manifest.read_text()[:-9])
    with pytest.raises(CurateError, match=r"index.json: cannot read the index.*Make the index again"):
        run("exact", new, tmp_path / "out", against=[str(folder)])


def test_an_index_is_made_for_a_stage_that_has_one(tmp_path):
    with pytest.raises(CurateError, match=r"gopher_quality compares with no other datasets.*Known: exact.*substring"):
        index_stage("gopher_quality", [])
    with pytest.raises(CurateError, match=r"exact: unknown option 'ignorecase'. Did you mean 'ignore_case'"):
        index_stage("exact", ["ignorecase=true"])
    assert index_stage("exact", ["ignore-case=true"]).ignore_case


def test_an_index_whose_making_was_stopped_is_finished(tmp_path):
    old = dataset(tmp_path, "old", random_docs(1, 50, "o"), 4)
    whole = index(tmp_path / "whole", [old], "exact")
    folder = tmp_path / "stopped"
    shutil.copytree(tmp_path / "whole", folder)
    (folder / "index.json").unlink()
    next(folder.glob("exact.index-*/*.parquet")).unlink()
    with pytest.raises(CurateError, match=r"no manifest\.json"):
        run("exact", write(tmp_path / "new", NEW), tmp_path / "out", against=[str(folder)])
    assert index(folder, [old], "exact").manifest == whole.manifest


def test_addresses_that_another_dataset_has(tmp_path):
    def crawl(name, urls):
        folder = tmp_path / f"{name}-files"
        folder.mkdir()
        ids = [f"{name}{at}" for at in range(len(urls))]
        docs = pa.table({"id": ids, "text": ids, "url": pa.array(urls, pa.string())})
        pq.write_table(docs, folder / "part.parquet")
        return folder

    old = crawl("old", ["http://a.org/x", None, "https://b.org/y/"])
    run("url_dedup", old, tmp_path / "old")
    index(tmp_path / "seen", [tmp_path / "old"], "url_dedup")
    new = crawl("new", ["https://a.org/x#top", "https://a.org/x", "b.org/y", None, "b.org/z", "http://b.org/z"])
    for at, folder in enumerate(["old", "seen"]):
        run("url_dedup", new, tmp_path / f"out{at}", against=str(tmp_path / folder))
        gone = {id: row[:2] for id, row in merged(tmp_path / f"out{at}").items()}
        assert gone == {
            "new0": ("same_address_against", "old:old0"),
            "new1": ("same_address_against", "old:old0"),
            "new2": ("same_address_against", "old:old2"),
            "new5": ("same_address", "new4"),
        }
    bare = dataset(tmp_path, "bare", OLD)
    with pytest.raises(CurateError, match=r"url_dedup: against: .*bare: its documents have no column 'url'"):
        run("url_dedup", new, tmp_path / "out", against=str(bare))


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_the_guard_counts_what_other_datasets_hold(tmp_path, stage):
    docs = [(f"{at:03d}", " ".join(f"w{at}x{k}" for k in range(20))) for at in range(120)]
    old, new = dataset(tmp_path, "old", docs[:100]), write(tmp_path / "new", docs)
    with pytest.raises(CurateError, match=r"new: 100 of 120 documents[\s\S]*old:000: 1 merged into it"):
        run(stage, new, tmp_path / "out", against=str(old), max_loss=0.8)
    run(stage, new, tmp_path / "out", against=str(old), max_loss=0.9)
    assert kept(tmp_path / "out") == [f"{at:03d}" for at in range(100, 120)]


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_what_a_run_reads_is_no_other_dataset(tmp_path, stage):
    """Named as it is, through a link, as files, or in an index: each document would be merged into itself."""
    old = dataset(tmp_path, "old", OLD)
    (tmp_path / "link").symlink_to(old)
    seen = tmp_path / "seen.index"
    index(seen, [old], stage)
    (tmp_path / "files").mkdir()
    for shard in old.glob("*.parquet"):
        (tmp_path / "files" / shard.name).symlink_to(shard.resolve())
    for read, named in [(old, old), (old, tmp_path / "link"), (tmp_path / "files", old), (old, seen)]:
        with pytest.raises(CurateError, match=rf"{stage}: against: {named} holds documents that source \w+ reads"):
            run(stage, read, tmp_path / "out", against=[str(named)])
    assert not (tmp_path / "out" / ".store").exists()


def test_a_copy_of_a_dataset_is_another_one(tmp_path):
    """Documents that are the same are what `against` is for, wherever they come from."""
    old = dataset(tmp_path, "old", OLD)
    run("exact", write(tmp_path / "new", OLD), tmp_path / "out", against=[str(old)], max_loss=None)
    assert kept(tmp_path / "out") == ["e"]

"""The loader: one global order, whatever the ranks, workers, stops and places of the files."""

from __future__ import annotations

import math
import random
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_folders import HELD, packed, write_export, write_store
from torch.utils.data import DataLoader

from datacurate import PackedDataset
from datacurate.core.errors import InputError
from datacurate.mixture.reading import files, order, rows
from datacurate.training import loader

SHAPE = [(16, [7, 0, 9, 4]), (8, [5, 6]), (32, [3])]
ROWS = 34


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of a few rows, which end within files."""
    monkeypatch.setattr(order, "BLOCK_TOKENS", 80)


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    return write_export(tmp_path_factory.mktemp("loader") / "export", SHAPE)


def firsts(items) -> list[int]:
    """First tokens of the rows of some items, without padding."""
    found = []
    for item in items:
        ids, rows = torch.atleast_2d(item["input_ids"]), torch.atleast_1d(item["rows"])
        found += ids[rows >= 0, 0].tolist()
    return found


def whole(folder: Path, **options) -> list[int]:
    return firsts(PackedDataset(folder, **options))


def in_turn(folder: Path, world: int, **options) -> list[list]:
    """The items of every rank."""
    return [list(PackedDataset(folder, rank=rank, world_size=world, **options)) for rank in range(world)]


def test_every_row_comes_once_in_the_order_of_stages(export):
    found = whole(export)
    assert sorted(found) == list(range(ROWS)) and found != sorted(found)
    assert sorted(found[:20]) == list(range(20)) and sorted(found[31:]) == [31, 32, 33]
    assert whole(export, seed=None) == list(range(ROWS))
    assert whole(export, seed=1) != found
    assert firsts(PackedDataset(export, stage="s1", seed=None)) == list(range(20, 31))


def test_rows_are_shuffled_anew_in_each_pass(export):
    found = whole(export, epochs=3)
    passes = [found[i : i + ROWS] for i in range(0, len(found), ROWS)]
    assert all(sorted(p) == list(range(ROWS)) for p in passes) and len({tuple(p) for p in passes}) == 3


@pytest.mark.parametrize("world", [1, 2, 3, 5, 8, 40])
@pytest.mark.parametrize("size", [None, 1, 3])
def test_row_i_goes_to_rank_i_modulo_the_ranks(export, world, size):
    expected = whole(export)
    ranks = in_turn(export, world, batch_size=size)
    assert len({len(items) for items in ranks}) == 1
    assert len(ranks[0]) == len(PackedDataset(export, batch_size=size, rank=0, world_size=world))
    for rank, items in enumerate(ranks):
        assert firsts(items) == expected[rank::world]
        assert all(len(torch.atleast_1d(item["rows"])) == (size or 1) for item in items)


def test_padding_is_scored_nowhere(export):
    items = [item for rank in in_turn(export, 8, batch_size=4, extras=batches_extras()) for item in rank]
    filler = [(item, row) for item in items for row in range(4) if item["rows"][row] < 0]
    assert filler
    for item, row in filler:
        assert (item["labels"][row] == -100).all() and (item["input_ids"][row] == 0).all()
        assert (item["document_ids"][row] == 0).all() and (item["sources"][row] == -1).all()
        assert item["cu_seqlens"][-1] == item["input_ids"].numel()


def batches_extras():
    return ("document_ids", "position_ids", "cu_seqlens", "sources")


class Steps:
    """Ranks that train together: each step takes one item of every rank, and says which rows it holds, in order."""

    def __init__(self, folder: Path, world: int, state: dict | None, size: int | None, **options) -> None:
        self.data = [PackedDataset(folder, rank=r, world_size=world, batch_size=size, **options) for r in range(world)]
        for one in self.data:
            if state is not None:
                one.load_state_dict(state)
        self.feeds = [iter(one) for one in self.data]
        self.world = world

    def step(self) -> list[int] | None:
        items = [next(feed, None) for feed in self.feeds]
        assert len({item is None for item in items}) == 1, "all ranks make as many steps"
        if items[0] is None:
            return None
        assert len({one.state_dict()["consumed"] for one in self.data}) == 1, "and are in one state"
        found = {}
        for item in items:
            ids, rows = torch.atleast_2d(item["input_ids"]), torch.atleast_1d(item["rows"])
            found |= {int(row): ids[at].tolist() for at, row in enumerate(rows.tolist()) if row >= 0}
        return found

    @property
    def state(self) -> dict:
        return self.data[0].state_dict()


def numbers(folder: Path, **options) -> list[int]:
    return [int(item["rows"]) for item in PackedDataset(folder, **options)]


def test_resumed_at_100_random_steps_with_other_ranks_each_time(export, monkeypatch):
    """8, then 3, then 5 ranks: the rows of all steps together are those of one rank alone, in the same order."""
    monkeypatch.setattr(order, "BLOCK_TOKENS", 200)
    rng = random.Random(0)
    expected = numbers(export, epochs=2)
    tokens = {int(i["rows"]): i["input_ids"].tolist() for i in PackedDataset(export)}
    for trial in range(100):
        size, state, seen = rng.choice([None, 1, 2, 3]), None, 0
        for world in (8, 3, 5):
            run = Steps(export, world, state, size, epochs=2, ahead=0)
            last = world == 5 and trial % 10 == 0
            for _ in range(10**6 if last else rng.randrange(1, 4)):
                if (found := run.step()) is None:
                    break
                stop = run.state["consumed"]
                assert sorted(found) == sorted(expected[seen:stop]), (trial, world, seen)
                assert len(found) == stop - seen <= world * (size or 1)
                assert all(tokens[row] == ids for row, ids in found.items())
                seen = stop
            state = run.state
        assert seen == len(expected) or trial % 10


@given(
    shape=st.lists(st.tuples(st.integers(3, 40), st.lists(st.integers(0, 9), min_size=1, max_size=4)), max_size=3),
    stops=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=4),
    size=st.none() | st.integers(1, 5),
    seed=st.none() | st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_any_mixture_any_ranks_any_stops(tmp_path_factory, shape, stops, size, seed):
    folder = write_export(tmp_path_factory.mktemp("any") / "export", shape)
    if not sum(map(sum, (parts for _, parts in shape))):
        with pytest.raises(InputError, match="has no rows"):
            PackedDataset(folder)
        return
    expected = numbers(folder, seed=seed)
    state, seen = None, []
    for world, steps in [*stops, (4, 10**6)]:
        run = Steps(folder, world, state, size, seed=seed)
        for _ in range(steps):
            if (found := run.step()) is None:
                break
            seen += sorted(found, key=expected.index)
        state = run.state
    assert seen == expected


def test_a_state_at_the_end_has_nothing_left_and_more_epochs_go_on(export):
    data = PackedDataset(export, batch_size=4)
    first = firsts(data)
    last = PackedDataset(export, batch_size=4)
    last.load_state_dict(data.state_dict())
    assert last.state_dict()["consumed"] == ROWS and list(last) == [] and list(last) == []
    longer = PackedDataset(export, batch_size=4, epochs=2)
    longer.load_state_dict(last.state_dict())
    assert first + firsts(longer) == whole(export, epochs=2) and longer.epoch == 2


@pytest.mark.parametrize(("workers", "lasting"), [(None, False), (0, False), (1, False), (2, False), (2, True)])
@pytest.mark.parametrize("begin", [0, 6])
def test_each_iter_begins_where_the_dataset_was_told_to(export, workers, lasting, begin):
    data = PackedDataset(export, batch_size=2)
    data.load_state_dict({**data.state_dict(), "consumed": begin})
    feed = data
    if workers is not None:
        feed = DataLoader(data, batch_size=None, num_workers=workers, persistent_workers=lasting)
    expected = numbers(export)[begin:]
    for stop in (None, 3, None):  # to the end, left by `break`, to the end
        found = []
        if workers is None:
            iter(data)
            assert data.state_dict()["consumed"] == begin
        for item in feed:
            found += item["rows"][item["rows"] >= 0].tolist()
            if stop and len(found) >= 2 * stop:
                break
        assert found == (expected[: 2 * stop] if stop else expected)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_torch_loaders_with_workers_give_the_same_order(export, workers):
    expected = [item["rows"].tolist() for item in PackedDataset(export, batch_size=2)]
    data = PackedDataset(export, batch_size=2)
    loader = DataLoader(data, batch_size=None, num_workers=workers)
    items = list(loader)
    assert [item["rows"].tolist() for item in items] == expected and len(loader) == len(expected)
    data.load_state_dict(data.state_after(items[4]))
    assert [i["rows"].tolist() for i in DataLoader(data, batch_size=None, num_workers=workers)] == expected[5:]


def test_single_rows_are_collated_by_torch(export, monkeypatch):
    data = PackedDataset(export, stage="s0")
    items = list(DataLoader(data, batch_size=5))
    assert torch.cat([i["rows"] for i in items]).tolist() == numbers(export, stage="s0")
    data.load_state_dict(data.state_after(items[1]))
    assert next(iter(data))["rows"] == items[2]["rows"][0]
    monkeypatch.setattr(loader, "get_worker_info", lambda: SimpleNamespace(id=1, num_workers=2))
    with pytest.raises(InputError, match="Give PackedDataset a batch_size"):
        next(iter(data))


@pytest.mark.parametrize("workers", [0, 2])
def test_torchdatas_stateful_loader_goes_on_exactly(export, workers):
    from torchdata.stateful_dataloader import StatefulDataLoader

    expected = [item["rows"].tolist() for item in PackedDataset(export, batch_size=2)]
    for stop in (1, 2, 7, len(expected) - 1, len(expected)):
        loader = StatefulDataLoader(PackedDataset(export, batch_size=2), batch_size=None, num_workers=workers)
        feed = iter(loader)
        before = [next(feed)["rows"].tolist() for _ in range(stop)]
        again = StatefulDataLoader(PackedDataset(export, batch_size=2), batch_size=None, num_workers=workers)
        again.load_state_dict(loader.state_dict())
        assert before + [item["rows"].tolist() for item in again] == expected


# What is in an item


def slow_labels(row: dict, kind: str, masked: bool) -> list[int]:
    """The obvious way, token by token."""
    ids, length = row["input_ids"], len(row["input_ids"])
    unscored = row.get("unscored") or []
    hidden = {p for a, b in zip(unscored[::2], unscored[1::2], strict=True) for p in range(a, b)}

    def target(place: int) -> int:
        inside = 0 < place < row["length"] and place not in hidden and not (masked and place in row["starts"])
        return ids[place] if inside else -100

    return [target(p + (kind == "next")) for p in range(length)]


def with_unscored(table: pa.Table, pairs: list[list[int]]) -> pa.Table:
    at = table.column_names.index("unscored") if "unscored" in table.column_names else None
    column = pa.array(pairs, pa.list_(pa.int32()))
    return table.append_column("unscored", column) if at is None else table.set_column(at, "unscored", column)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("kind", ["next", "same"])
def test_labels_and_boundaries_are_those_of_a_slow_reading(tmp_path, kind, masked):
    rng = random.Random(1)
    folder = write_export(tmp_path / "export", [(12, [9])])
    path = folder / "train-0-0.parquet"
    table = pq.read_table(path)
    pairs = [sorted(rng.sample(range(13), 2 * rng.randrange(3))) for _ in range(9)]
    pq.write_table(with_unscored(table, pairs), path)
    told = pq.read_table(path).to_pylist()
    options = {"labels": kind, "mask_documents": masked, "extras": batches_extras()}
    for item in PackedDataset(folder, batch_size=4, **options):
        cuts = []
        for at, number in enumerate(item["rows"].tolist()):
            cuts.append(12 * at)
            if number < 0:
                continue
            row = told[number]
            assert item["input_ids"][at].tolist() == row["input_ids"]
            assert item["labels"][at].tolist() == slow_labels(row, kind, masked)
            starts = [*row["starts"], *([row["length"]] if row["length"] < 12 else [])]
            cuts += [12 * at + s for s in starts[1:]]
            piece = [max(i for i, s in enumerate(starts) if s <= place) for place in range(12)]
            assert item["position_ids"][at].tolist() == [place - starts[p] for place, p in enumerate(piece)]
            inside = [place < row["length"] for place in range(12)]
            assert item["document_ids"][at].tolist() == [(p + 1) * i for p, i in zip(piece, inside, strict=True)]
            assert item["sources"][at].tolist() == [
                row["sources"][p] if i else -1 for p, i in zip(piece, inside, strict=True)
            ]
        assert item["cu_seqlens"].tolist() == [*cuts, 48] and item["cu_seqlens"].dtype == torch.int32
        assert item["max_seqlen"] == max(b - a for a, b in zip([*cuts], [*cuts[1:], 48], strict=True))


def test_plain_text_needs_no_column_of_places_without_loss(tmp_path):
    folder = write_export(tmp_path / "export", [(8, [3])])
    path = folder / "train-0-0.parquet"
    table = pq.read_table(path)
    names = [name for name in table.column_names if name not in ("unscored", "stage")]
    before = [item["labels"].tolist() for item in PackedDataset(folder)]
    pq.write_table(table.select(names), path)
    assert [item["labels"].tolist() for item in PackedDataset(folder)] == before


# Where rows lie


def test_a_folder_of_the_store_is_counted(tmp_path):
    folder = write_store(tmp_path / "mixture.packed-abc", SHAPE)
    data = PackedDataset(folder)
    assert firsts(data) == firsts(PackedDataset(write_export(tmp_path / "export", SHAPE)))
    assert data.index.key == "abc" and data.index.stage_names == ("stage0", "stage1", "stage2")
    held = firsts(PackedDataset(folder, split="validation", seed=None))
    assert len(held) == 14 and all(token >= HELD for token in held)


def test_files_behind_urls(export, tmp_path):
    expected = whole(export)
    fs = fsspec.filesystem("memory")
    for path in export.iterdir():
        fs.pipe(f"/loader/export/{path.name}", path.read_bytes())
    try:
        assert whole("memory://loader/export") == expected
        cached = PackedDataset("memory://loader/export", cache=tmp_path / "cache")
        assert firsts(cached) == expected
        copies = sorted((tmp_path / "cache").iterdir())
        assert len(copies) == 6 and all(path.name.partition("-")[2].startswith("train") for path in copies)
        fs.rm("/loader/export/train-0-0.parquet")
        assert firsts(cached) != [] and whole("memory://loader/export", cache=tmp_path / "cache") == expected
        with pytest.raises(InputError, match=r"train-0-0.parquet: cannot be read"):
            whole("memory://loader/export")
    finally:
        fs.rm("/loader", recursive=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_files_of_a_web_server(export, workers, tmp_path):
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
    from loopback import serving

    expected = [item["rows"].tolist() for item in PackedDataset(export, batch_size=2)]
    with serving(export) as server:
        data = PackedDataset(server.url, batch_size=2)
        assert not [path for _, path, _ in server.asked if path.endswith("parquet")], "the index is enough"
        items = DataLoader(data, batch_size=None, num_workers=workers)
        assert [item["rows"].tolist() for item in items] == expected
        server.ranges = False
        copied = PackedDataset(server.url, batch_size=2, cache=tmp_path / "cache")
        assert [item["rows"].tolist() for item in copied] == expected, "copies need no ranges"


def test_many_files_are_not_opened_to_begin(tmp_path, monkeypatch):
    folder = write_export(tmp_path / "export", [(8, [2] * 300)], group=1)
    opened, real = [], files.Opened.__init__

    def counting(self, path, cache):
        opened.append(path)
        real(self, path, cache)

    monkeypatch.setattr(files.Opened, "__init__", counting)
    feed = iter(PackedDataset(folder, ahead=1))
    next(feed)
    assert len(set(opened)) <= 2 * 6, "those of two blocks of ten rows"


def test_a_rank_reads_and_keeps_its_own_rows_alone(tmp_path, monkeypatch):
    """Blocks of ten rows, groups of two: of 40 ranks each has a row of every fourth block."""
    folder = write_export(tmp_path / "export", [(8, [6] * 20)], group=2)
    expected, read, kept, asked = whole(folder), [], [], []
    real, block = files.PackedFiles._read, rows.Reader._read

    def reading(self, path, group):
        read.append((path, group))
        return real(self, path, group)

    def keeping(self, wanted):
        asked.append(wanted)
        kept.append(block(self, wanted))
        return kept[-1]

    monkeypatch.setattr(files.PackedFiles, "_read", reading)
    monkeypatch.setattr(rows.Reader, "_read", keeping)
    for world in (1, 3, 40, 200):
        read.clear(), kept.clear(), asked.clear()
        for rank in (0, world // 2, world - 1):
            assert whole(folder, rank=rank, world_size=world) == expected[rank::world]
        own = sum(len(expected[rank::world]) for rank in (0, world // 2, world - 1))
        assert sum(len(one.numbers) for one in kept) == own
        assert len(read) <= own and len(asked) == len(kept) <= own, "nothing is asked for in vain"
    assert sum(len(one.ids) for one in kept) == 2, "the last rank of 200 has no row, and reads none"


# Bad input


def test_a_mixture_that_changed_is_told_with_the_way_out(export, tmp_path):
    state = PackedDataset(export).state_dict()
    other = write_export(tmp_path / "other", SHAPE, key="other")
    longer = write_export(tmp_path / "longer", [*SHAPE, (8, [1])])
    for folder in (other, longer):
        with pytest.raises(InputError, match=r"mixture has changed after training began.*do not load the state"):
            PackedDataset(folder).load_state_dict(state)
    for options in ({"seed": 1}, {"stage": "s1"}):
        with pytest.raises(InputError, match=r"changed after|another order of the rows: seed 0 \(here 1\)"):
            PackedDataset(export, **options).load_state_dict(state)
    PackedDataset(export).load_state_dict(state)
    wrong = [{**state, "consumed": c} for c in (-1, "3", True, 2.0, None)]
    for bad in (None, [1], "state", 3, {}, {**state, "version": 99}, {**state, "version": True}, *wrong):
        with pytest.raises(InputError, match="no state of a PackedDataset"):
            PackedDataset(export).load_state_dict(bad)


def test_the_mixture_is_known_by_key_and_by_rows(export, tmp_path):
    """Each of the two alone tells another mixture, and the message names both."""
    state = PackedDataset(export).state_dict()
    for changed in ({"mixture": "other"}, {"rows": [20, 11, 4]}):
        with pytest.raises(InputError, match="mixture has changed after training began") as told:
            PackedDataset(export).load_state_dict({**state, **changed})
        assert all(str(value) in str(told.value) for value in ("k with [20, 11, 3]", *changed.values()))
    data = PackedDataset(export)
    with pytest.raises(InputError):
        data.load_state_dict({**state, "mixture": "other", "consumed": 5})
    assert data.state_dict() == state, "what is refused changes nothing"


def test_a_state_behind_all_passes_is_refused(export):
    state = {**PackedDataset(export).state_dict(), "consumed": 2 * ROWS + 1}
    for epochs in (1, 2):
        with pytest.raises(InputError, match=r"behind 69 rows.*34 rows are all.*Give epochs=3 or more"):
            PackedDataset(export, epochs=epochs).load_state_dict(state)
    for epochs in (3, None):
        data = PackedDataset(export, epochs=epochs)
        data.load_state_dict(state)
        assert int(next(iter(data))["consumed"]) == 2 * ROWS + 2


def test_files_of_another_mixture_are_told(tmp_path):
    folder = write_export(tmp_path / "export", [(8, [5])])
    path = folder / "train-0-0.parquet"
    for table, told in (
        (packed(4, 8, 0), "has 4 rows, and 5 are needed"),
        (packed(5, 9, 0), "not those of the index"),
        (packed(5, 8, 0, split=1), "not those of the index"),
        (packed(5, 8, 0).drop_columns("starts"), "column 'starts' is missing"),
    ):
        pq.write_table(table, path)
        with pytest.raises(InputError, match=told):
            list(PackedDataset(folder))
    path.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"train-0-0.parquet: cannot be read"):
        list(PackedDataset(folder))


def test_bad_requests_say_what_to_do(export, tmp_path):
    for options, told in (
        ({"split": "test"}, "no split is called 'test'. There are: train, validation"),
        ({"split": "validation"}, "'validation' has no rows"),
        ({"stage": "s9"}, "no training stage is called 's9'"),
        ({"rank": 1}, "belong together"),
        ({"rank": 2, "world_size": 2}, "counted from 0"),
        ({"extras": ["position"]}, "no extra 'position'. Known: document_ids"),
        ({"labels": "shifted"}, "'next' or 'same'"),
        ({"rank": 0, "world_size": 0}, "counted from 0"),
        ({"rank": 0.0, "world_size": 2}, "counted from 0"),
        ({"extras": "position"}, "no extra 'position'. Known: document_ids"),
        ({"batch_size": 0}, "batch_size is 0. Give a whole number, at least 1; for single rows leave it out"),
        ({"batch_size": 2.5}, "batch_size is 2.5. Give a whole number"),
        ({"batch_size": "a"}, "batch_size is 'a'. Give a whole number"),
        ({"batch_size": True}, "batch_size is True. Give a whole number"),
        ({"epochs": 0}, "epochs is 0. Give a whole number, at least 1; for no end give None"),
        ({"epochs": 1.5}, "epochs is 1.5. Give"),
        ({"seed": "x"}, "seed is 'x'. Give a whole number; for rows as they lie give None"),
        ({"ahead": -1}, "ahead is -1. Give a whole number, at least 0"),
        ({"ahead": None}, "ahead is None. Give a whole number"),
    ):
        with pytest.raises(InputError, match=told):
            PackedDataset(export, **options)
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(InputError, match=r"no packed rows are here.*curate export --format packed"):
            PackedDataset(tmp_path / folder)
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "empty" / "a.parquet")
    with pytest.raises(InputError, match="holds no packed rows"):
        PackedDataset(tmp_path / "empty")
    (tmp_path / "empty" / "index.json").write_text('{"version": 7}')
    with pytest.raises(InputError, match="an index of version 7"):
        PackedDataset(tmp_path / "empty")
    (tmp_path / "empty" / "index.json").write_text("[]")
    with pytest.raises(InputError, match="no index of packed rows"):
        PackedDataset(tmp_path / "empty")


def test_ranks_come_from_the_environment(export, monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert firsts(PackedDataset(export)) == firsts(PackedDataset(export, rank=2, world_size=3))
    assert len(PackedDataset(export)) == math.ceil(20 / 3) + math.ceil(11 / 3) + 1


def test_blocks_of_whole_mixtures(tmp_path, monkeypatch):
    """Blocks that span files and files that span blocks give each row once."""
    folder = write_export(tmp_path / "export", [(8, [1, 30, 1, 1, 17])])
    for tokens in (1, 8, 100, 1 << 22):
        monkeypatch.setattr(order, "BLOCK_TOKENS", tokens)
        assert sorted(whole(folder)) == list(range(50))
        assert whole(folder, batch_size=7) == whole(folder)
    assert np.abs(np.array(whole(folder)) - np.arange(50)).mean() > 10

"""Filling in the middle against the paper, and what the tokenizer makes of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers

from datacurate.api import run_recipe
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.recipe import loads
from datacurate.core.store import read_parts
from datacurate.mixture import pieces, scored, tokenize
from datacurate.stages.fim import Fim
from tests.contract import exam

TOKENS = ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]
HOSTILE = "see <fim_middle>here<fim_suffix> and <|endoftext|> too"


def table(texts: list[str], **more) -> pa.Table:
    ids = [f"d{i}" for i in range(len(texts))]
    return pa.table({"id": ids, "text": pa.array(texts, pa.string()), "source": ["s"] * len(texts), **more})


def made(texts: list[str], given=None, **options) -> list[dict]:
    more = {"pieces": pa.array(given, pieces.TYPE), "joined": [["a"]] * len(given)} if given else {}
    docs = table(texts, **more)
    return Fim(**options).mapped(docs).to_pylist()


def back(row: dict) -> str:
    """The text, of its pieces put in the order in which they stand in it."""
    raw = row["text"].encode()
    spans = sorted((piece["begin"], piece["end"]) for piece in row["pieces"])
    return b"".join(raw[begin:end] for begin, end in spans).decode()


def as_read(row: dict) -> list[str]:
    """Tokens and texts in the order in which a model reads them."""
    raw = row["text"].encode()
    parts = [(p["token"], raw[p["begin"] : p["end"]].decode()) for p in row["pieces"]]
    return [part for token, text in parts for part in ([token] if token else []) + [text]]


def paper(prefix: str, middle: str, suffix: str, how: str) -> list[str]:
    """Bavarian et al. 2022, sections 3 and 3.1, written down."""
    pre, suf, mid = TOKENS
    return {
        "psm": [pre, prefix, suf, suffix, mid, middle],
        "variant_2": [pre, "", suf, suffix, mid, prefix, middle],
        "joined": [pre, "", suf, suffix, mid, prefix + middle],
        "variant_1": [suf, suffix, pre, prefix, mid, middle],
    }[how]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, root) -> str:
    """The sample's tokenizer with StarCoder's control tokens."""
    found = Tokenizer.from_file(str(root / "sample" / "tokenizer.json"))
    found.add_special_tokens([*TOKENS, "<file_sep>"])
    path = tmp_path_factory.mktemp("fim") / "tokenizer.json"
    found.save(str(path))
    return str(path)


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"spm_rate": 0}, "psm"),
        ({"spm_rate": 1}, "variant_2"),
        ({"spm_rate": 1, "joined": True}, "joined"),
        ({"spm_rate": 1, "spm": "variant_1"}, "variant_1"),
    ],
)
@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=8), seed=st.integers(0, 5))
def test_is_the_papers_order(options, how, texts, seed):
    for text, row in zip(texts, made(texts, rate=1, seed=seed, **options), strict=True):
        assert row["text"] == text == back(row) and row["fim"] == ("psm" if how == "psm" else "spm")
        psm = made(texts, rate=1, seed=seed, spm_rate=0)[int(row["id"][1:])]
        prefix, suffix, middle = as_read(psm)[1::2]
        assert prefix + middle + suffix == text
        assert as_read(row) == paper(prefix, middle, suffix, how)


def test_rates_and_places_are_those_that_were_asked_for():
    """20,000 documents: shares within four standard errors, and places as uniform as chi-square allows."""
    rows = made(["abcdefghi"] * 20_000, rate=0.3, spm_rate=0.25)
    count = Counter(row["fim"] for row in rows)
    assert abs(count[None] - 14_000) < 4 * 65 and abs(count["spm"] - 1_500) < 4 * 38
    psm = [row["pieces"] for row in rows if row["fim"] == "psm"]
    cuts = Counter((found[0]["end"], found[1]["begin"]) for found in psm)
    expected = {(a, b): len(psm) * (1 if a == b else 2) / 100 for a in range(10) for b in range(a, 10)}
    assert set(cuts) == set(expected)
    assert sum((cuts[pair] - n) ** 2 / n for pair, n in expected.items()) < 98  # 54 degrees of freedom: p = 0.0003


def test_depends_on_seed_and_id_alone():
    docs = table(["some text here"] * 500)
    whole, turned = Fim().mapped(docs), Fim().mapped(docs.take(pa.array(range(499, -1, -1))))
    assert whole.sort_by("id").equals(turned.sort_by("id"))
    assert not whole["pieces"].equals(Fim(seed=1).mapped(docs)["pieces"])


def test_presets_have_the_published_rates():
    rates = {name: (Fim(preset=name).rate, Fim(preset=name).spm_rate) for name in Fim.presets}
    assert rates == {
        "starcoder": (0.5, 0.5), "starcoder2": (0.5, 0.5), "code_llama": (0.9, 0.5), "deepseek_coder": (0.5, 0),
        "deepseek_v3": (0.1, 0), "qwen2.5_coder": (0.5, 0),
    }  # fmt: skip
    assert Fim(preset="deepseek_v3").suffix_token == "<\uff5cfim▁hole\uff5c>"
    assert as_read(made(["ab"], preset="code_llama", rate=1, spm_rate=0)[0])[-2:] == ["▁<EOT>", ""]


def test_empty_and_null_texts_stay(tokenizer):
    rows = made(["", None, "x"], rate=1)
    assert [row["fim"] is None for row in rows] == [True, True, False]
    assert made([], rate=1) == []
    assert [row["fim"] for row in made(["x"], rate=1, sources=["s"])] != [None]
    assert [row["fim"] for row in made(["x"], rate=1, sources=["other"])] == [None]


FILES = "<repo>\na.py\nprint(1)\nb.py\nprint(2)\nc.py\n"
FILE_PIECES = [(None, 0, 7), ("<file_sep>", 7, 21), ("<file_sep>", 21, 35), ("<file_sep>", 35, 40)]


@pytest.mark.parametrize("inside", [True, False])
def test_files_of_a_repository_are_filled_in_one_by_one(inside):
    given = [[dict(zip(("token", "begin", "end"), p, strict=True)) for p in FILE_PIECES]] * 40
    rows = made([FILES] * 40, given, rate=1, file_rate=0.5, spm_rate=0, path_in_prefix=inside)
    assert all(back(row) == FILES for row in rows)
    said = ["".join(as_read(row)) for row in rows]
    files = [part for text in said for part in text.split("<file_sep>")[1:]]
    filled = [part for part in files if "<fim_prefix>" in part]
    assert len(files) == 120 and 20 < len(filled) < 60, "about half of those that have more than a path"
    assert all(
        part.startswith("<fim_prefix>" if inside else ("a.py\n<fim_prefix>", "b.py\n<fim_prefix>")) for part in filled
    )
    assert all(part == "c.py\n" for part in files[2::3]) and all(text.startswith("<repo>\n<file_sep>") for text in said)
    last = made([FILES] * 9, given[:9], rate=1, within="last")
    assert all("b.py" in "".join(as_read(row)).split("<fim_")[0].split("<file_sep>")[-1] for row in last)


@pytest.mark.parametrize("preset", ["starcoder", "starcoder2"])
def test_tokens_are_real_and_names_in_texts_are_not(tokenizer, preset):
    """The ids are the sentinels' and those of each part alone; a page's own `<fim_middle>` is text."""
    encoder = tokenize.load(tokenizer, "<|endoftext|>")
    texts = [HOSTILE, "plain", "naïve 中文字符 text", ""] * 25
    docs = Fim(preset=preset, rate=0.8).mapped(table(texts))
    flat, offsets = pieces.encode(encoder, docs["text"], docs["pieces"])
    ids = {name: Tokenizer.from_file(tokenizer).token_to_id(name) for name in TOKENS}
    for i, row in enumerate(docs.to_pylist()):
        found = flat[offsets[i] : offsets[i + 1]].tolist()
        parts = [row["text"]] if row["pieces"] is None else as_read(row)
        sentinel = [row["pieces"] is not None and part in ids and bool(at % 2 == 0) for at, part in enumerate(parts)]
        if row["fim"] == "spm":
            sentinel = [at in (0, 2, 4) for at in range(7)]
        wanted = [
            [ids[p]] if is_token else encoder.plain([p])[0].tolist()
            for p, is_token in zip(parts, sentinel, strict=True)
        ]
        assert found == [n for some in wanted for n in some] + ([0] if row["text"] else [])
        control = [n for n in found if n in ids.values()]
        assert len(control) == (3 if row["fim"] else 0)
        assert encoder.decode(np.array(found, np.int32)) == "".join(
            p for p, is_token in zip(parts, sentinel, strict=True) if not is_token
        )


def test_a_mixture_reads_the_pieces(tokenizer, tmp_path):
    """Every document once: of each that is filled in one of each sentinel, and all tokens of the texts."""
    inputs = exam.write_shards(tmp_path / "in", exam.shards([*exam.ordinary(40), HOSTILE * 5], 3))
    exam.run("fim", inputs, tmp_path / "filled", rate=0.7)
    docs = exam.rows(tmp_path / "filled")
    encoder = tokenize.load(tokenizer, "<|endoftext|>")
    flat, _ = pieces.encode(encoder, docs["text"], docs["pieces"])
    mixture = {"tokenizer": tokenizer, "tokens": len(flat), "validation": 0, "max_epochs": 1, "sequence_length": 64}
    text = yaml.safe_dump({"sources": {"docs": str(tmp_path / "filled")}, "stages": [], "mixture": mixture})
    run_recipe(loads(text), tmp_path / "out", tmp_path / "store", tmp_path / "inline.yaml")
    rows = read_parts(sorted((tmp_path / "store").glob("mixture.packed-*/*.parquet"))).to_pylist()
    ids = np.concatenate([row["input_ids"][: row["length"]] for row in rows])
    filled = sum(mode is not None for mode in docs["fim"].to_pylist())
    assert filled > 20 and [int((ids == encoder.special[name]).sum()) for name in TOKENS] == [filled] * 3
    assert sorted(ids.tolist()) == sorted(flat.tolist())


def metaspace(path, more: tuple[str, ...] = (), merges: tuple = ()):
    """A tokenizer that puts a space in front of every text, as SentencePiece does, and the names of its ids."""
    letters = ["<unk>", "</s>", *TOKENS, "▁", *"abcdef", "▁a", "▁c", *(f"<0x{n:02X}>" for n in range(256)), *more]
    merges = [("▁", "a"), ("▁", "c"), *merges]
    found = Tokenizer(models.BPE({t: i for i, t in enumerate(letters)}, merges, byte_fallback=True))
    found.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    found.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    found.add_special_tokens(["</s>", *TOKENS])
    found.save(str(path / "tokenizer.json"))
    return tokenize.load(str(path / "tokenizer.json"), "</s>"), letters


def test_no_space_is_added_within_a_document(tmp_path):
    """SentencePiece puts a space in front of a text: in front of its first bytes, not of its middle."""
    encoder, letters = metaspace(tmp_path)
    row = pa.array([[("<fim_prefix>", 0, 2), ("<fim_suffix>", 4, 6), ("<fim_middle>", 2, 4)]], pieces.TYPE)
    flat, _ = pieces.encode(encoder, pa.array(["abcdef"]), row)
    wanted = [TOKENS[0], "▁a", "b", TOKENS[1], "e", "f", TOKENS[2], "c", "d", "</s>"]
    assert [letters[i] for i in flat] == wanted


def test_a_guard_that_melts_into_the_text_is_given_up(tmp_path):
    encoder, letters = metaspace(tmp_path, (pieces.GUARD, pieces.GUARD + "e"), ((pieces.GUARD, "e"),))
    row = pa.array([[("<fim_prefix>", 0, 1), ("<fim_suffix>", 1, 2), ("<fim_middle>", 2, 3)]], pieces.TYPE)
    flat, _ = pieces.encode(encoder, pa.array(["aef"]), row)
    assert [letters[i] for i in flat] == [TOKENS[0], "▁a", TOKENS[1], "▁", "e", TOKENS[2], "f", "</s>"]


def test_errors_say_what_to_do(tokenizer, root):
    plain = tokenize.load(str(root / "sample" / "tokenizer.json"), "<|endoftext|>")
    docs = Fim(rate=1).mapped(table(["text"]))
    with pytest.raises(RecipeError, match=r"no special token '<fim_.*add the token"):
        pieces.encode(plain, docs["text"], docs["pieces"])
    for begin, end in [(0, 9), (3, 2), (None, 1), (1, 2)]:
        wrong = pa.array([[("<fim_prefix>", begin, end)]], pieces.TYPE)
        with pytest.raises(InputError, match="Put `fim` behind"):
            pieces.encode(tokenize.load(tokenizer, "<|endoftext|>"), pa.array(["ä"]), wrong)
    with pytest.raises(InputError, match=r"column 'pieces' holds int64"):
        pieces.encode(plain, pa.array(["a"]), pa.array([1]))
    with pytest.raises(ValueError, match="nothing says where the middle begins"):
        Fim(middle_token=None)
    with pytest.raises(RecipeError, match=r"no source 'wbe'. Did you mean 'web'"):
        Fim(sources=["wbe"]).check_sources(["web"])
    with pytest.raises(ValueError, match="no preset 'starcodr'"):
        Fim(preset="starcodr")


def test_an_ordinary_added_token_of_a_known_name_is_no_text(root, tmp_path):
    """DeepSeek-Coder's tokenizer lists its sentinels as ordinary tokens; a page must not be able to write them."""
    found = Tokenizer.from_file(str(root / "sample" / "tokenizer.json"))
    found.add_tokens(["<\uff5cfim▁hole\uff5c>"])
    path = tmp_path / "tokenizer.json"
    found.save(str(path))
    encoder = tokenize.load(str(path), "<|endoftext|>")
    assert encoder.special["<\uff5cfim▁hole\uff5c>"] not in encoder.encode(["a <\uff5cfim▁hole\uff5c> b"])[0]


def test_conversations_are_not_cut_and_pieces_are_files_of_repo_order_alone():
    given = [[dict(zip(("token", "begin", "end"), p, strict=True)) for p in FILE_PIECES]] * 30
    kept = pa.array(given, pieces.TYPE)
    files, talks = pa.array([["a"]] * 30), pa.array([scored.value(FILES, [0, 7])] * 30, scored.TYPE)
    options = {"rate": 1.0, "file_rate": 1.0}
    filled = Fim(**options).mapped(table([FILES] * 30, pieces=kept, joined=files, scored=pa.nulls(30, scored.TYPE)))
    assert filled["fim"].null_count == 0
    for more in (
        {"pieces": kept, "scored": talks},
        {"pieces": kept, "scored": talks, "joined": files},
        {"pieces": kept},
        {"pieces": kept, "joined": pa.nulls(30, files.type)},
    ):
        made = Fim(**options).mapped(table([FILES] * 30, **more))
        assert made["fim"].null_count == 30 and made["pieces"].to_pylist() == kept.to_pylist()
    score = Fim(**options).mapped(table([FILES] * 30, scored=pa.array([0.5] * 30)))
    assert score["fim"].null_count == 0, "a column of that name that is not chat's says nothing"


def test_several_stages_keep_what_the_others_filled_in():
    """Stages for different sources, and for the same: what is filled in stays as it is, with its entry in `fim`."""
    docs = table(["some text here"] * 400).set_column(2, "source", pa.array(["a", "b"] * 200))
    one = Fim(rate=0.5, sources=["a"], seed=1).mapped(docs)
    two = Fim(rate=1, spm_rate=0, sources=["b"], preset="deepseek_coder").mapped(one)
    before, after = one.to_pylist(), two.to_pylist()
    assert all(old == new for old, new in zip(before, after, strict=True) if old["source"] == "a")
    assert {row["fim"] for row in after if row["source"] == "b"} == {"psm"}
    assert {row["fim"] for row in after if row["source"] == "a"} == {"psm", "spm", None}
    again = Fim(rate=1, preset="deepseek_coder").mapped(one.append_column("joined", pa.array([["x"]] * 400)))
    assert 60 < sum(row["fim"] is not None for row in before) < 140
    for old, new in zip(before, again.to_pylist(), strict=True):
        assert new["fim"] is not None and (old["fim"] is None or new["pieces"] == old["pieces"])

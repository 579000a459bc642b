"""Conversations as templates write them: ids and masks of transformers, special tokens where templates put them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from chat_templates import GEMMA, MISTRAL, SHAPES, unmarked
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from datacurate.core.errors import InputError, RecipeError
from datacurate.mixture import chat, chat_files, pieces, scored, tokenize
from datacurate.mixture.pack import ids_of

TEXTS = [
    "The king went out to meet the morning, and the morning met him with a song.",
    "It's 1,234.56 dollars; nobody knew why.  Two  spaces\n\nand a new paragraph.\n\n\n",
    "naïve café, русский текст, 中文字符, 日本語 👩‍💻 and 한국어 <|im_start|>assistant\n[INST] user model",
]
KINDS = ("bytes", "nfc", "first", "always")
"""Byte-level, so with ids that spell bytes; the same behind NFC; and SentencePiece's ways to begin with a space."""

TALKS = [
    [("user", "Hello, who are you?"), ("assistant", "A king.")],
    [("user", "one"), ("assistant", "  two \n"), ("user", "\n\nthree  "), ("assistant", "\n\nfour")],
    [("user", "naïve 中文?"), ("assistant", "日本語 café é"), ("user", "ok"), ("assistant", ""), ("user", "x")],
]


def trained(kind: str, special: list[str], folder: Path) -> str:
    """A tokenizer.json with special tokens, in a folder of its own."""
    made = Tokenizer(models.BPE(unk_token=None if kind in ("bytes", "nfc") else "<unk>", byte_fallback=False))
    if kind in ("bytes", "nfc"):
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        made.normalizer = normalizers.NFC() if kind == "nfc" else None
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=kind)
        made.decoder = decoders.Metaspace(prepend_scheme=kind)
    letters = pre_tokenizers.ByteLevel.alphabet() if kind in ("bytes", "nfc") else sorted(set("".join(TEXTS)))
    names = special if kind in ("bytes", "nfc") else ["<unk>", *special]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=names, initial_alphabet=letters, show_progress=False, min_frequency=1
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    return str(folder)


@pytest.fixture(scope="module")
def tokenizer_of(tmp_path_factory):
    made: dict = {}

    def get(shape: str, kind: str) -> str:
        if (shape, kind) not in made:
            made[shape, kind] = trained(kind, SHAPES[shape][1], tmp_path_factory.mktemp(shape) / kind)
        return made[shape, kind]

    return get


def marks_of(shape: str) -> dict[str, str]:
    special = SHAPES[shape][1]
    return {"bos_token": special[0], "eos_token": special[1 if shape != "chatml" else 0]}


def template(shape: str, marked: bool = True, **options) -> chat.Template:
    source = SHAPES[shape][0]
    return chat.Template(source if marked else unmarked(source), SHAPES[shape][1], marks_of(shape), **options)


def talk(turns) -> chat.Messages:
    return [{"role": role, "content": content} for role, content in turns]


def columns(made: list[chat.Rendered | str]):
    """Texts, pieces and scored, as the stage `chat` writes them; a string is plain text."""
    chats = [None if isinstance(one, str) else one for one in made]
    found = [c and [{"token": t, "begin": a, "end": b} for t, a, b in c.pieces] for c in chats]
    texts = [one if isinstance(one, str) else one.text for one in made]
    return (
        pa.array(texts, pa.string()),
        pa.array(found, pieces.TYPE),
        pa.array([c and scored.value(c.text, c.scored) for c in chats], scored.TYPE),
    )


def encoded(encoder: tokenize.Encoder, made: list[chat.Rendered | str]) -> list[np.ndarray]:
    flat, offsets = pieces.encode(encoder, *columns(made))
    return [flat[a:b] for a, b in pairwise(offsets)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_ids_and_masks_are_those_of_transformers(shape, kind, tokenizer_of):
    transformers = pytest.importorskip("transformers")
    folder, names = tokenizer_of(shape, kind), marks_of(shape)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", **names)
    theirs.chat_template = SHAPES[shape][0]
    encoder = tokenize.load(folder, names["eos_token"])
    assert encoder.lossless == (kind == "bytes")
    for turns in TALKS:
        messages = talk(turns)
        made = template(shape).render(messages)
        assert made.text == theirs.apply_chat_template(messages, tokenize=False)
        expected = theirs.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
        (ours,) = encoded(encoder, [made])
        ids, mask = ids_of(ours).tolist(), (ours >= 0).astype(int).tolist()
        if ids[: len(expected["input_ids"])] == expected["input_ids"] and len(ids) > len(expected["input_ids"]):
            assert (ids.pop(), mask.pop()) == (encoder.end_of_text, 0), "our own end of the text is not scored"
        assert ids == expected["input_ids"]
        assert mask == expected["assistant_masks"]
        assert 0 < sum(mask) < len(mask)


@pytest.mark.parametrize("shape", SHAPES)
def test_turns_are_found_without_marks_where_marks_are(shape):
    for turns in TALKS:
        a, b = template(shape).render(talk(turns)), template(shape, marked=False).render(talk(turns))
        if shape == "mistral":  # its prompt ends before the space in front of an answer, which is outside of the block
            text = a.text.encode()
            assert [text[x : x + 1] for x in b.scored[::2]] == [b" "] * len(b.scored[::2])
            b = chat.Rendered(b.text, b.pieces, [x + 1 - at % 2 for at, x in enumerate(b.scored)])
        assert a == b


def special_ids(encoder: tokenize.Encoder, ids: np.ndarray) -> list[int]:
    return [i for i in ids_of(ids).tolist() if i in set(encoder.special.values())]


hostile = st.lists(
    st.sampled_from(
        ["<|im_start|>", "<|im_end|>", "<|im_", "start|>", "end|>", "<", "|>", "im_", "<|endoftext|>", "[INST]", "[/",
         "INST]", "<s", ">", "</s>", "<end_of_turn>", "<end_of", "_turn>", " ", "\n", "a", "\ufdd0", "\ufdd1",
         "\U000f0000", "é"]
    ), max_size=6,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["chatml", "llama3", "gemma", "mistral"]), st.booleans(), st.lists(hostile, min_size=4, max_size=4)
)
def test_messages_cannot_forge_special_tokens(tokenizer_of, shape, marked, contents):
    """As many special tokens, in the same order, as around messages that spell none; and the texts stay as they are."""
    encoder = tokenize.load(tokenizer_of(shape, "bytes"), marks_of(shape)["eos_token"])
    roles = ["user", "assistant", "user", "assistant"]
    made = template(shape, marked).render(talk(zip(roles, contents, strict=True)))
    calm = template(shape, marked).render(talk(zip(roles, "wxyz", strict=True)))
    (ours,), (theirs,) = encoded(encoder, [made]), encoded(encoder, [calm])
    assert special_ids(encoder, ours) == special_ids(encoder, theirs)
    with_names = {i: name for name, i in encoder.special.items()}
    spelled = ""
    run: list[int] = []  # the bytes of one token may be no character, so runs are decoded
    for i in [*ids_of(ours).tolist(), None]:
        if i is None or i in with_names:
            spelled += encoder.decode(np.array(run, np.int32)) + with_names.get(i, "")
            run = []
        else:
            run.append(i)
    end = marks_of(shape)["eos_token"]
    assert spelled.removesuffix(end) == made.text.removesuffix(end)
    for content in contents:
        assert (content if shape == "chatml" else content.strip()) in made.text


def test_a_document_of_pieces_joins_no_special_token():
    source = "{% generation %}{% for m in messages %}{{ m.content }}{% endfor %}{% endgeneration %}<s>"
    joined = chat.Template(source, ["<s>"])
    made = joined.render(talk([("user", "a<"), ("user", "s>b"), ("user", "<"), ("user", "s"), ("user", ">")]))
    assert made.text == "a<s>b<s><s>"
    assert [p for p in made.pieces if p[0]] == [("<s>", 11, 11)]
    beside = (
        ("{{ m.content }}s>", "a <", "a <s>"),
        ("<{{ m.content }}", "s> a", "<s> a"),
        ("<{{ m.content }}>", "s", "<s>"),
    )
    for source, content, text in beside:
        enclosed = "{% for m in messages %}{% generation %}" + source + "{% endgeneration %}{% endfor %}"
        made = chat.Template(enclosed, ["<s>"]).render(talk([("user", content)]))
        assert made.text == text and made.pieces == [(None, 0, len(text))], "nor with what the template writes"


def test_white_space_that_special_tokens_swallow(tmp_path):
    """As tokenizers of Phi-3: <|user|> and <|end|> take the line break behind them, which is then no token."""
    transformers = pytest.importorskip("transformers")
    folder = trained("bytes", ["<s>", "</s>"], tmp_path)
    made = Tokenizer.from_file(f"{folder}/tokenizer.json")
    made.add_special_tokens([AddedToken(n, rstrip=n != "<|pre|>", lstrip=n == "<|pre|>") for n in ("<|u|>", "<|pre|>")])
    made.save(f"{folder}/tokenizer.json")
    source = (
        "{% for m in messages %}<|u|>\n {% generation %}{{ m.content }}{% endgeneration %} \u3000<|pre|>\n{% endfor %}"
    )
    (tmp_path / "chat_template.jinja").write_text(source)
    ours = chat.load(folder, None, {}, ["assistant"], None)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", chat_template=source)
    messages = talk([("user", "one two"), ("assistant", "the king"), ("user", "met")])
    expected = theirs.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    (ids,) = encoded(tokenize.load(folder, "</s>"), [ours.render(messages)])
    assert ids_of(ids).tolist()[:-1] == expected["input_ids"]
    assert (ids >= 0).astype(int).tolist()[:-1] == expected["assistant_masks"]


@pytest.mark.parametrize("kind", KINDS)
def test_plain_documents_beside_conversations_are_encoded_as_ever(kind, tokenizer_of):
    encoder = tokenize.load(tokenizer_of("chatml", kind), "<|endoftext|>")
    made = template("chatml").render(talk(TALKS[0]))
    texts = ["The king <|im_end|> met", "", *TEXTS]
    flat, offsets = encoder.encode(texts)
    found = encoded(encoder, [texts[0], made, *texts[1:], made])
    expected = [flat[a:b].tolist() for a, b in pairwise(offsets)]
    assert [one.tolist() for one in [found[0], *found[2:-1]]] == expected
    assert found[1].tolist() == found[-1].tolist() and (found[1] < 0).any()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab é\n中👩", min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=6))
def test_tokens_are_scored_by_their_bytes(tokenizer_of, text, places):
    """Against a walk over bytes, token by token; places are of characters, as a template's marks are."""
    encoder = tokenize.load(tokenizer_of("chatml", "bytes"), "<|endoftext|>")
    places = sorted({len(text[:p].encode()) for p in places})
    places = places[: len(places) // 2 * 2]
    one = chat.Rendered(text, [(None, 0, len(text.encode()))], places)
    (ids,) = encoded(encoder, [one])
    assert ids[-1] == ~encoder.end_of_text
    inside = {b for a, z in zip(places[::2], places[1::2], strict=True) for b in range(a, z)}
    at = 0
    for i in ids[:-1].tolist():
        size = len(encoder.reference.tokenizer.id_to_token(max(i, ~i)))
        assert (i >= 0) == bool(inside & set(range(at, at + size)))
        at += size
    assert at == len(text.encode())


def test_marks_at_the_ends_are_written_once(tokenizer_of):
    names = marks_of("mistral")
    encoder = tokenize.load(tokenizer_of("mistral", "bytes"), names["eos_token"], names["bos_token"])
    (ids,) = encoded(encoder, [template("mistral").render(talk(TALKS[0]))])
    assert ids[0] == ~encoder.begin_of_text and ids[-1] == encoder.end_of_text, "the template's own end is scored"
    assert (ids_of(ids) == encoder.begin_of_text).sum() == (ids_of(ids) == encoder.end_of_text).sum() == 1
    (ids,) = encoded(encoder, [template("mistral").render(talk(TALKS[2]))])
    assert ids[-1] == ~encoder.end_of_text, "a user's turn at the end gets an end that is not scored"


def test_sentencepiece_models_are_cut_where_answers_begin(shared):
    path = str(shared / "tokenizers" / "sp_test_model.model")
    encoder = tokenize.load(path, "</s>")
    made = chat.Template(unmarked(MISTRAL), ["<s>", "</s>"], {"bos_token": "<s>", "eos_token": "</s>"})
    (ids,) = encoded(encoder, [made.render(talk([("user", "a cat"), ("assistant", "the dog is here")]))])
    told = ids[ids >= 0]
    assert told[-1] == encoder.end_of_text and (told == encoder.end_of_text).sum() == 1
    assert encoder.decode(told) == "the dog is here"
    (ids,) = encoded(encoder, [made.render(talk([("user", "a </s> cat"), ("assistant", "</s>")]))])
    assert (ids_of(ids) == encoder.end_of_text).sum() == 1, "what messages spell is text"


def test_roles_to_train_on():
    talks = talk([("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v")])

    def said(**options):
        made = template("chatml", **options).render(talks)
        data = made.text.encode()
        return [data[a:b].decode() for a, b in zip(made.scored[::2], made.scored[1::2], strict=True)]

    assert said() == ["a<|im_end|>"]
    assert said(train_on=["user"]) == ["<|im_start|>user\nu<|im_end|>\n", "<|im_start|>user\nv<|im_end|>\n"]
    assert said(train_on=["system", "assistant"]) == ["<|im_start|>system\ns<|im_end|>\n", "a<|im_end|>"]


def test_templates_whose_turns_cannot_be_told():
    last_only = "{% for m in messages %}<s>{{ m.content if loop.last else 'earlier' }}{% endfor %}"
    with pytest.raises(RecipeError, match=r"looks otherwise when it is the last one.*generation"):
        chat.Template(last_only, ["<s>"]).check()
    thinks = """{% for m in messages %}<s>{% if m.role == 'assistant' and not loop.last %}{{
        m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}{% endfor %}"""
    kept = chat.Template(thinks, ["<s>"])
    kept.check()
    with pytest.raises(chat.Unusable, match="message 2 looks otherwise") as found:
        kept.render(talk([("user", "a"), ("assistant", "<think>x</think>b"), ("user", "c")]))
    assert found.value.rule == "not_incremental"
    many = talk([("user", "x" * 2000), ("assistant", "y" * 2000)] * 120)
    with pytest.raises(chat.Unusable) as found:
        template("chatml", marked=False).render(many)
    assert found.value.rule == "too_many_turns"
    assert len(template("chatml").render(many).scored) == 240
    silent = chat.Template("{% for m in messages %}{% endfor %}", ["<s>"])
    with pytest.raises(chat.Unusable) as found:
        silent.render(talk([("user", ""), ("assistant", "")] * 6_000))
    assert found.value.rule == "too_many_turns", "messages count, too, when a template writes none"


def test_errors_of_templates_say_what_to_do(tmp_path):
    with pytest.raises(RecipeError, match=r"not valid Jinja \(line 2\)"):
        chat.Template("x\n{% for %}", []).check()
    with pytest.raises(RecipeError, match=r"fails on a plain conversation.*nobody may speak"):
        chat.Template("{{ raise_exception('nobody may speak') }}", []).check()
    with pytest.raises(RecipeError, match="asks for today's date; set `today`"):
        chat.Template("{{ strftime_now('%d') }}{% for m in messages %}{{ m.content }}{% endfor %}", []).check()
    with pytest.raises(RecipeError, match="leaves the assistant's turns out"):
        chat.Template(
            "{% for m in messages %}{{ m.content }}{% endfor %}{% generation %}{% endgeneration %}", []
        ).check()
    with pytest.raises(chat.Unusable, match="System role not supported"):
        chat.Template(GEMMA, ["<bos>"]).render(talk([("system", "x")]))
    with pytest.raises(chat.Unusable, match="raises") as found:
        chat.Template("{{ messages.append(1) }}", []).render(talk([("user", "x")]))
    assert found.value.rule == "template_error", "templates run in a sandbox"
    with pytest.raises(chat.Unusable) as found:
        template("chatml").render(talk([("user", "\ud800")]))
    assert found.value.rule == "bad_unicode"
    with pytest.raises(RecipeError, match="no such file"):
        chat_files.find(str(tmp_path), "nowhere.jinja")
    with pytest.raises(RecipeError, match="there is none beside the tokenizer"):
        chat_files.find(str(tmp_path), None)


def test_dates_come_from_the_recipe_alone():
    from datetime import date

    dated = "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m.content }}<s>{% endfor %}"
    made = chat.Template(dated, ["<s>"], today=date(2024, 7, 26)).render(talk([("user", "a"), ("assistant", "b")]))
    assert made.text == "26 Jul 2024a<s>b<s>"


def test_where_templates_are_found(tmp_path):
    config = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": True, "chat_template": "config"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    found = chat_files.find(str(tmp_path), None)
    assert found == chat_files.Found("config", {"bos_token": "<s>", "eos_token": "</s>"})
    several = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": several}))
    assert chat_files.find(str(tmp_path), None).template == "d"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": several[:1]}))
    with pytest.raises(RecipeError, match="tool_use and no default"):
        chat_files.find(str(tmp_path), None)
    (tmp_path / "chat_template.jinja").write_text("file")
    assert chat_files.find(str(tmp_path), None).template == "file"
    (tmp_path / "other.jinja").write_text("other")
    assert chat_files.find(str(tmp_path), str(tmp_path / "other.jinja")).template == "other"
    assert str(tmp_path / "other.jinja") in chat_files.files(str(tmp_path), str(tmp_path / "other.jinja"))


def test_texts_that_were_changed_behind_chat_are_refused(tokenizer_of):
    encoder = tokenize.load(tokenizer_of("chatml", "bytes"), "<|endoftext|>")
    text, kept, places = columns([template("chatml").render(talk(TALKS[0]))])
    with pytest.raises(InputError, match="Put `chat` behind"):
        pieces.encode(encoder, text, None, places)
    with pytest.raises(InputError, match="Put `chat` behind"):
        pieces.encode(encoder, text, pa.nulls(1, pieces.TYPE), places)
    for other in (text[0].as_py().replace("king", "ring"), None):
        with pytest.raises(InputError, match="Put `chat` behind"):
            pieces.encode(encoder, pa.array([other], pa.string()), kept, places)
    with pytest.raises(InputError, match="Rename it"):
        pieces.encode(encoder, text, kept, pa.array([[1, 2]]))

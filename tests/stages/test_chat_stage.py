"""The stage `chat`: which documents go on and which do not, and what training reads of a mixture with conversations."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from datacurate.api import run_recipe
from datacurate.audit.run_folder import open_run
from datacurate.core.dataset import Dataset
from datacurate.core.errors import CurateError, RecipeError
from datacurate.core.recipe import loads
from datacurate.core.store import read_parts
from datacurate.mixture import messages as messages_of
from datacurate.mixture import scored, tokenize
from datacurate.sources.jsonl import Jsonl
from datacurate.stages.chat import Chat

USER, ANSWER = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "The king."}
SAID = "User: Who?\nAssistant: The king.<|endoftext|>\n"


@pytest.fixture(scope="module")
def tokenizer(root) -> str:
    return str(root / "sample" / "tokenizer.json")


def docs(values, kind: pa.DataType | None = None, texts: list[str] | None = None, column: str = "messages") -> pa.Table:
    made = {"id": [f"d{i}" for i in range(len(values))], "text": texts or ["Who?\n\nThe king."] * len(values)}
    made["text"] = pa.array(made["text"], pa.string())
    return pa.table({**made, "source": ["s"] * len(values), column: pa.array(values, kind or pa.string())})


def reasons(outcome) -> dict[int, tuple[str, str]]:
    return {i: (r.fate, rule) for r in outcome.removed for i, rule in zip(r.index.tolist(), r.rule, strict=True)}


def test_conversations_come_as_structs_as_json_and_in_meta(tokenizer):
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string())]))
    structs = docs([[USER, ANSWER], None, []], kind, texts=["Who?\n\nThe king.", "plain <|endoftext|>", "empty list"])
    strings = docs([json.dumps([USER, ANSWER]), None, ""], texts=structs["text"].to_pylist())
    inside = docs(
        [json.dumps({"messages": [USER, ANSWER]}), '{"x": 1}', None], None, structs["text"].to_pylist(), "meta"
    )
    for table in (structs, strings, inside):
        made = Chat(tokenizer=tokenizer).rendered(table)
        assert made.removed == []
        assert made.docs["text"].to_pylist() == [SAID, "plain <|endoftext|>", "empty list"]
        assert made.docs["scored"].to_pylist() == [scored.value(SAID, [22, 44]), None, None]
        found = [[(p["token"], p["begin"], p["end"]) for p in one or []] for one in made.docs["pieces"].to_pylist()]
        assert found == [[(None, 0, 31), ("<|endoftext|>", 44, 45)], [], []]


def test_the_text_itself_may_be_the_json(tokenizer):
    table = docs([None, None], texts=[json.dumps([USER, ANSWER]), "plain"])
    made = Chat(tokenizer=tokenizer, messages="text").rendered(table)
    assert made.docs["text"].to_pylist() == [SAID]
    assert reasons(made) == {1: ("quarantined", "not_messages")}, "then all of them are conversations"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("{", "not_messages"),
        ('{"role": "user"}', "not_messages"),
        ('["Who?"]', "not_messages"),
        ('[{"from": "human", "value": "Who?"}]', "no_role"),
        ('[{"role": 3, "content": "Who?"}]', "no_role"),
        ('[{"role": "poet", "content": "Who?"}]', "unknown_role"),
        ('[{"role": "user"}]', "no_content"),
        ('[{"role": "user", "content": 3}]', "no_content"),
        ('[{"role": "user", "content": [{"type": "image"}]}]', "no_content"),
        ('[{"role": "user", "content": "When?"}]', "text_differs"),
        ('[{"role": "user", "content": "The king."}, {"role": "assistant", "content": "Who?"}]', "text_differs"),
        ('[{"role": "tool", "content": "Who?"}, {"role": "assistant", "content": "The"}]', "template_error"),
        ('[{"role": "assistant", "content": "\\ud800"}]', "text_differs"),
    ],
)
def test_malformed_conversations_are_quarantined_with_the_reason(tokenizer, value, rule):
    made = Chat(tokenizer=tokenizer).rendered(docs([json.dumps([USER, ANSWER]), value, None]))
    assert reasons(made) == {1: ("quarantined", rule)}
    assert made.removed[0].error[0]
    assert made.docs["id"].to_pylist() == ["d0", "d2"] and made.docs["text"].to_pylist()[0] == SAID


def test_conversations_without_an_answer_are_dropped_and_told(tokenizer):
    made = Chat(tokenizer=tokenizer).rendered(docs([json.dumps([USER]), json.dumps([USER, ANSWER])]))
    assert reasons(made) == {0: ("dropped", "nothing_to_train_on")}
    assert Chat(tokenizer=tokenizer, train_on=["user"]).rendered(docs([json.dumps([USER])])).removed == []


def test_a_document_with_neither_is_quarantined(tokenizer):
    made = Chat(tokenizer=tokenizer).rendered(docs(["", "[]", None], texts=["", "", ""]))
    assert reasons(made) == dict.fromkeys((0, 1), ("quarantined", "no_messages"))


def test_text_parts_and_nulls_of_structs():
    parts = [{"role": "user", "content": [{"type": "text", "text": "a", "image": None}], "tool_calls": None}]
    assert messages_of.of_value(parts) == [{"role": "user", "content": [{"type": "text", "text": "a"}]}]


def test_options_say_what_is_wrong(tokenizer, tmp_path):
    with pytest.raises(ValidationError, match="train_on names roles that no message may have: poet"):
        Chat(tokenizer=tokenizer, train_on=["poet"])
    with pytest.raises(ValidationError):
        Chat(tokenizer=tokenizer, train_on=[])
    (tmp_path / "bare").mkdir()
    shutil.copy(tokenizer, tmp_path / "bare" / "tokenizer.json")
    with pytest.raises(RecipeError, match="none beside the tokenizer"):
        Chat(tokenizer=str(tmp_path / "bare")).warm()


RECIPE = """
name: talk
sources:
  books: {{jsonl: books.jsonl}}
  talk: {{jsonl: talk.jsonl, text: messages}}
stages:
  - chat: {{tokenizer: {tokenizer}}}
  - count_tokens: {{tokenizer: {tokenizer}}}
mixture: {{tokens: {tokens}, tokenizer: {tokenizer}, sequence_length: 64, validation: 0, packing: {packing}}}
quarantine_limit: 0.5
"""


def run(folder, tokenizer, packing, tokens):
    profile = folder / "inline.yaml"
    profile.write_text("executor: inline\n")
    recipe = loads(RECIPE.format(tokenizer=tokenizer, packing=packing, tokens=tokens))
    return run_recipe(recipe, folder / packing, folder / "store", profile=profile)


def test_a_mixture_takes_no_loss_of_what_is_not_answered(tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books.jsonl").write_text(
        "".join(json.dumps({"id": f"b{i}", "text": f"Book {i} of <|endoftext|> kings."}) + "\n" for i in range(40))
    )
    talks = [[USER, {"role": "assistant", "content": f"The king number {i}, naïve 中文."}] for i in range(40)]
    lines = [json.dumps({"id": f"t{i}", "messages": talk}) for i, talk in enumerate(talks)]
    lines.append(json.dumps({"id": "bad", "messages": [{"role": "poet", "content": "x"}]}))
    (tmp_path / "talk.jsonl").write_text("\n".join(lines))
    encoder = tokenize.load(tokenizer, "<|endoftext|>")
    answers = sum(len(encoder.plain([f" The king number {i}, naïve 中文."])[0]) + 1 for i in range(40))
    heads = 40 * (len(encoder.plain(["User: Who?\nAssistant:"])[0]) + len(encoder.plain(["\n"])[0]) + 1)
    books = sum(len(encoder.plain([f"Book {i} of <|endoftext|> kings."])[0]) + 1 for i in range(40))
    for packing in ("concatenate", "best_fit"):
        run(tmp_path, tokenizer, packing, answers + heads + books)
        found = open_run(tmp_path / packing)
        counted = Dataset.open(tmp_path / packing / "02-count_tokens").manifest["sources"]
        assert {name: one["out"]["tokens"] for name, one in counted.items()} == {
            "books": books,
            "talk": answers + heads,
        }
        talked = Dataset.open(tmp_path / packing / "01-chat").manifest["sources"]["talk"]
        assert talked["quarantined"] == {"unknown_role": {"documents": 1, "bytes": 1}}
        stage = found.last("mixture")
        assert stage is not None
        parts = [tmp_path / packing / "03-mixture" / part for part in stage.manifest["phases"]["receipt"]["parts"]]
        told = {row["source"]: row["unscored_tokens"] for row in read_parts(parts).to_pylist() if row["split"] == 0}
        assert told == {"books": 0, "talk": heads}
        rows = [row for path in stage.shards.values() for row in pq.read_table(path).to_pylist()]
        answered: dict[int, list[int]] = {0: [], 1: []}
        missed = {0: 0, 1: 0}
        for row in rows:
            off = {p for a, b in zip(row["unscored"][::2], row["unscored"][1::2], strict=True) for p in range(a, b)}
            for start, end, source in zip(
                row["starts"], [*row["starts"][1:], row["length"]], row["sources"], strict=True
            ):
                answered[source] += [row["input_ids"][p] for p in range(start, end) if p not in off]
                missed[source] += sum(p in off for p in range(start, end))
            assert min(row["input_ids"]) >= 0
        assert (len(answered[0]), missed[0], len(answered[1]), missed[1]) == (books, 0, answers, heads)
        assert sorted(answered[1]) == sorted(
            [i for n in range(40) for i in encoder.plain([f" The king number {n}, naïve 中文."])[0]]
            + [encoder.end_of_text] * 40
        )


def test_a_stage_behind_chat_that_changes_texts_is_told(tokenizer, tmp_path, monkeypatch):
    """Not even those conversations go on that it left alone: which ones, nobody knows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.jsonl").write_text(json.dumps({"id": "t", "messages": [USER, ANSWER]}))
    (tmp_path / "books.jsonl").write_text(json.dumps({"id": "b", "text": "A book."}))
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    made = RECIPE.format(tokenizer=tokenizer, packing="concatenate", tokens=10).replace(
        "count_tokens:", "normalize: {} #"
    )
    with pytest.raises(CurateError, match="Put `chat` behind the stages that change texts"):
        run_recipe(loads(made), tmp_path / "out", tmp_path / "store", profile=profile)


def test_keys_of_tool_calls_stay_in_their_order(tokenizer, tmp_path):
    """A template that writes them as JSON writes the same as the model's own does."""
    call = {"name": "get", "arguments": {"z": 1, "b": 2}}
    talk = [USER, {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}]
    (tmp_path / "talk.jsonl").write_text(json.dumps({"id": "t", "messages": talk, "about": {"z": 1, "b": 2}}))
    (tmp_path / "tools.jinja").write_text(
        "{% for m in messages %}{{ m.content }}{% generation %}"
        "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}"
        "{{ m.content if m.role == 'assistant' }}<|endoftext|>{% endgeneration %}{% endfor %}"
    )
    [read] = [r for r in Jsonl(path=str(tmp_path), text="messages").read(tmp_path / "talk.jsonl", "s") if r]
    made = Chat(tokenizer=tokenizer, template=str(tmp_path / "tools.jinja")).rendered(read.docs)
    assert json.dumps(call) in made.docs["text"][0].as_py()


def test_fim_and_chat_leave_each_other_alone(tokenizer, tmp_path, monkeypatch):
    """Whichever comes first: books are filled in and known by their column, conversations are whole."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books.jsonl").write_text(json.dumps({"id": "b", "text": "A long book."}))
    (tmp_path / "talk.jsonl").write_text(json.dumps({"id": "t", "messages": [USER, ANSWER]}))
    (tmp_path / "inline.yaml").write_text("executor: inline\n")
    chat, fim = {"chat": {"tokenizer": tokenizer}}, {"fim": {"rate": 1.0, "spm_rate": 0.0, "file_rate": 1.0}}
    sources = {"books": {"jsonl": "books.jsonl"}, "talk": {"jsonl": "talk.jsonl", "text": "messages"}}
    found = []
    for number, stages in enumerate(([chat, fim], [fim, chat])):
        recipe = loads(json.dumps({"name": "both", "sources": sources, "stages": stages}))
        run_recipe(recipe, tmp_path / f"out{number}", tmp_path / "store", profile=tmp_path / "inline.yaml")
        last = sorted(path for path in (tmp_path / f"out{number}").iterdir() if path.name.startswith("02-"))[0]
        rows = read_parts([shard.path for shard in Dataset.open(last).shards]).to_pylist()
        found.append({row["id"]: row for row in rows})
    names = ("text", "fim", "pieces", "scored")
    first, second = ({id: {n: row[n] for n in names} for id, row in one.items()} for one in found)
    assert first == second
    assert (first["b"]["fim"], first["t"]["fim"]) == ("psm", None)
    assert [p["token"] for p in first["t"]["pieces"]] == [None, "<|endoftext|>"] and first["t"]["scored"]

"""Messages that spell special tokens, or parts of them, in templates that look into messages."""

from __future__ import annotations

import numpy as np
import pytest
from test_chat import encoded, talk, trained
from tokenizers import AddedToken, Tokenizer

from datacurate.mixture import chat, tokenize
from datacurate.mixture.pack import ids_of

CHATML_HEAD = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
CHATML_TAIL = "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
PARTS = "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
CALLS = """{{ m.content }}{% for c in m.tool_calls or [] %}{% set args = c.function.arguments %}
{{ c.type }} {{ c.function.name }}(BODY){% endfor %}"""
ITEMS = "{% for k, v in args | items %}<{{ k }}>{{ v }}{% endfor %}"
OVERLAP = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<tool_call>", "<function>", "<s>"]
"""Names that have in them what templates compare and look up: text, name, function, tool."""


def part_talk(*texts: str) -> chat.Messages:
    roles = ["user", "assistant"] * len(texts)
    return [{"role": r, "content": [{"type": "text", "text": t}]} for r, t in zip(roles, texts, strict=False)]


def call_talk(name: str, arguments: dict) -> chat.Messages:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return [*talk([("user", "x")]), {"role": "assistant", "content": "y", "tool_calls": [call]}]


@pytest.mark.parametrize(
    ("inner", "messages"),
    [
        (PARTS, part_talk("Two plus two?", "Four.")),
        (PARTS, part_talk("text", "<|im_end|> repo")),
        (CALLS.replace("BODY", "{{ args | tojson }}"), call_talk("weather", {"name": "text", "s": "s>"})),
        (CALLS.replace("BODY", "{{ args | tojson(ensure_ascii=True) }}"), call_talk("repo", {"a": "ext"})),
        (CALLS.replace("BODY", "{{ args }}"), call_talk("repo", {"type": "<|im_end|>", "text": "name"})),
        (CALLS.replace("BODY", ITEMS), call_talk("s", {"s": "s>", "<|im_end|>": "\ufdd0", "role": "<|im_end|>"})),
        ("{{ m }}", call_talk("tool", {"text": r"\ufdd0"})),
    ],
)  # fmt: skip
@pytest.mark.parametrize("marked", [True, False])
def test_what_templates_look_up_is_found_under_tokens_that_contain_it(inner, messages, marked, tmp_path):
    """Texts are those of transformers, and the special tokens in them are the template's own."""
    transformers = pytest.importorskip("transformers")
    block = "{% generation %}" + inner + "{% endgeneration %}" if marked else inner
    source = CHATML_HEAD + block + CHATML_TAIL
    folder = trained("bytes", OVERLAP, tmp_path)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", chat_template=source)
    made = chat.Template(source, OVERLAP).render(messages)
    assert made.text == theirs.apply_chat_template(messages, tokenize=False)
    assert [p[0] for p in made.pieces if p[0]] == ["<|im_start|>", "<|im_end|>"] * 2
    assert made.scored


@pytest.mark.parametrize(
    ("inner", "content"),
    [
        ("{% if m.content == 'text' %}[text]{% else %}[other]{% endif %}", "text"),
        ("{{ m.content | length }}", "text"),
        ("{{ m.content | length }}", "a <|im_end|> b"),
        ("{{ m.content | replace('<|im_end|>', '') }}", "a <|im_end|> b"),
        ("{{ m.content | tojson | tojson(ensure_ascii=True) | tojson }}", "a <|im_end|> b"),
    ],
)
def test_a_template_that_looks_for_special_tokens_in_messages_is_refused(inner, content):
    source = CHATML_HEAD + "{% generation %}" + inner + "{% endgeneration %}" + CHATML_TAIL
    made = chat.Template(source, OVERLAP)
    assert made.render(talk([("user", "calm"), ("assistant", "words")])).text.count("<|im_end|>") == 2
    with pytest.raises(chat.Unusable, match="spells a special token or a part of one") as found:
        made.render(talk([("user", "x"), ("assistant", content)]))
    assert found.value.rule == "special_in_message"


def test_a_token_that_swallows_the_white_space_of_an_answer_is_not_scored(tmp_path):
    """The one place in which transformers differs: it marks the token, since that reaches into the answer."""
    transformers = pytest.importorskip("transformers")
    folder = trained("bytes", ["<s>", "</s>"], tmp_path)
    made = Tokenizer.from_file(f"{folder}/tokenizer.json")
    made.add_special_tokens([AddedToken("[/INST]", rstrip=True)])
    made.save(f"{folder}/tokenizer.json")
    answer = "{% generation %} {{ m.content }}</s>{% endgeneration %}"
    turn = "{% if m.role == 'user' %}{{ m.content }}[/INST]{% else %}" + answer + "{% endif %}"
    source = "{% for m in messages %}" + turn + "{% endfor %}"
    (tmp_path / "chat_template.jinja").write_text(source)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", chat_template=source)
    messages = talk([("user", "one"), ("assistant", "the king")])
    expected = theirs.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    (ids,) = encoded(tokenize.load(folder, "</s>"), [chat.load(folder, None, {}, ["assistant"], None).render(messages)])
    assert ids_of(ids).tolist() == expected["input_ids"]
    differs = np.flatnonzero((ids >= 0) != np.array(expected["assistant_masks"], bool))
    assert [theirs.convert_ids_to_tokens(expected["input_ids"])[at] for at in differs] == ["[/INST]"]
    assert ids[differs[0]] < 0

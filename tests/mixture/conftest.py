"""A small byte-level BPE tokenizer, made once per session."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEXTS = [
    "The king went out to meet the morning, and the morning met him with a song.",
    "It's 1,234.56 dollars; nobody knew why.  Two  spaces\n\nand a new paragraph.",
    "naïve café, Ελληνικά, русский текст, 中文字符, 日本語 and 한국어",
    "def f(x):\n    return x + 1\n",
]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory) -> str:
    """Path of a tokenizer.json of 400 tokens whose end-of-text token has the id 0."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|user|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS * 5, trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return str(path)

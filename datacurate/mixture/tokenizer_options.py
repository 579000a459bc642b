"""The options that name a tokenizer, for every stage that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from datacurate.core.types import Count

if TYPE_CHECKING:
    from datacurate.mixture.tokenize import Encoder

FIELDS = ("tokenizer", "end_of_text", "begin_of_text", "encoding", "special_tokens")
"""The options' names: what a phase that tokenizes can see."""


class TokenizerOptions(BaseModel):
    """A base beside `Stage`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tokenizer: str
    """A tokenizer.json, a SentencePiece .model or a .tiktoken file; or the folder of one, or of vocab.json and
    merges.txt; or the name of a Hugging Face repository."""
    end_of_text: str = "<|endoftext|>"
    """The token that closes every document."""
    begin_of_text: str | None = None
    """The token that opens every document, for models that are trained with one."""
    encoding: str | None = None
    """For a .tiktoken file: how it cuts texts, and its special tokens: gpt2, r50k_base, p50k_base, p50k_edit,
    cl100k_base, o200k_base or o200k_harmony, or the pattern itself (a regular expression). Unset, the file's name says
    it."""
    special_tokens: dict[str, Count] | None = None
    """For a .tiktoken file: special tokens and their ids, besides those of the encoding."""

    def files(self) -> list[str]:
        """The tokenizer's files, when they are local."""
        from datacurate.mixture import tokenize

        return tokenize.local_files(self.tokenizer)

    def warm(self) -> None:
        """Load the tokenizer and compile what looks at texts."""
        import pyarrow as pa

        self.encoder().encode_array(pa.array(["a"]))

    def encoder(self) -> Encoder:
        """The loaded tokenizer."""
        from datacurate.mixture import tokenize

        return tokenize.load(self.tokenizer, self.end_of_text, self.begin_of_text, self.encoding, self.special_tokens)

"""Filling in the middle: documents whose middle is read last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from datacurate.core.errors import RecipeError, did_you_mean
from datacurate.core.stage import Map
from datacurate.core.types import Count, Fraction
from datacurate.mixture import sentinels

if TYPE_CHECKING:
    import pyarrow as pa


def _tokens(names: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(("prefix_token", "suffix_token", "middle_token", "end_token"), names, strict=False))


class Fim(Map):
    """Every document as it is, and for a share of them how it is read to fill in its middle.

    A text is cut at two places, each between characters, all places equally likely; any of the three parts may be
    empty. `PSM` reads prefix, suffix, middle, and `SPM` suffix, prefix, middle, with the model's control tokens between
    them, so that a model of the past learns to write what stands between two texts. The text stays: the column
    `pieces` says how the mixture, `tokenize` and `count_tokens` read it, and `fim` (`psm` or `spm`) of which documents.
    Names of these tokens inside texts stay text. What is chosen depends on seed and id alone. Documents that
    `repo_order` put together of files, with their tokens, are filled in file by file. Conversations that `chat` has
    written out, and what another `fim` has filled in, stay as they are.
    Bavarian et al. 2022 (arXiv:2207.14255), sections 3 and 4.
    """

    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("id", "text", "source")
    makes: ClassVar[tuple[str, ...]] = ("fim", "pieces")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "starcoder": {},
        "starcoder2": {"path_in_prefix": True},
        "code_llama": {"rate": 0.9, "joined": True, **_tokens(sentinels.CODE_LLAMA)},
        "deepseek_coder": {"spm_rate": 0.0, **_tokens(sentinels.DEEPSEEK)},
        "deepseek_v3": {"rate": 0.1, "spm_rate": 0.0, **_tokens(sentinels.DEEPSEEK)},
        "qwen2.5_coder": {"spm_rate": 0.0, "within": "last", **_tokens(sentinels.QWEN)},
    }

    preset: str = "starcoder"
    """Whose rates and tokens: `starcoder` (Li et al. 2023: half of the documents, half of these SPM), `starcoder2`
    (Lozhkov et al. 2024: half of the repositories, in these half of the files; half SPM as StarCoder, since the paper
    names no share), `code_llama` (Rozière et al. 2023, section 2.3: 0.9, half SPM, its prefix and middle encoded as
    one), `deepseek_coder` (Guo et al. 2024, section 3.1: half, PSM alone),
    `deepseek_v3` (DeepSeek-AI 2024: 0.1, PSM), `qwen2.5_coder` (Hui et al. 2024: its formats; the rate is
    DeepSeek-Coder's, since the report names none)."""
    rate: Fraction = 0.5
    """Share of the documents, by hash of seed and id."""
    spm_rate: Fraction = 0.5
    """Share of SPM among them."""
    spm: Literal["variant_1", "variant_2"] = "variant_2"
    """How SPM is written. `variant_1`: suffix token, suffix, prefix token, prefix, middle token, middle. `variant_2`:
    prefix token, suffix token, suffix, middle token, prefix, middle, which lets a model learn PSM and SPM together
    (Bavarian et al. 2022, section 3.1)."""
    joined: bool = False
    """Whether `variant_2` encodes prefix and middle as one text, so that no token of SPM ends where the middle begins
    (Code Llama); otherwise one after the other (Bavarian et al., StarCoder)."""
    within: Literal["each", "last"] = "each"
    """In documents of several files: any of them by `file_rate`, or the last alone (Qwen2.5-Coder)."""
    file_rate: Fraction = 0.5
    """Share of the files that is filled in, in the chosen documents of several files (StarCoder2)."""
    path_in_prefix: bool = False
    """Whether a file's first line, its path, stands behind the prefix token (StarCoder2) or in front of it."""
    prefix_token: str = sentinels.STARCODER[0]
    """The token in front of the prefix."""
    suffix_token: str = sentinels.STARCODER[1]
    """The token in front of the suffix."""
    middle_token: str | None = sentinels.STARCODER[2]
    """The token in front of the middle; `null` for models without one (Codestral, with `variant_1`)."""
    end_token: str | None = None
    """The token behind the middle, in front of the end of the text (Code Llama has one)."""
    sources: tuple[str, ...] = ()
    """The sources whose documents are filled in; unset, all."""
    seed: Count = 0
    """Chooses documents and places."""

    @model_validator(mode="after")
    def _tokens_are_named(self) -> Fim:
        if not all((self.prefix_token, self.suffix_token, self.middle_token != "", self.end_token != "")):
            raise ValueError("a token without a name marks nothing. Name it, or set it to null where that is allowed")
        if self.middle_token is None and (self.spm != "variant_1" or self.spm_rate < 1):
            raise ValueError(
                "without middle_token nothing says where the middle begins. Name it, or set spm to variant_1 and "
                "spm_rate to 1: there the prefix says it"
            )
        return self

    def check_sources(self, known: Iterable[str]) -> None:
        """Raise RecipeError when `sources` names a source that the recipe does not have."""
        names = set(known)
        for name in self.sources:
            if name not in names:
                raise RecipeError(f"fim: sources: no source '{name}'. {did_you_mean(name, names)}")

    def columns(
        self,
        id: pa.Array,
        text: pa.Array,
        source: pa.Array,
        pieces: pa.Array | None = None,
        scored: pa.Array | None = None,
        joined: pa.Array | None = None,
        fim: pa.Array | None = None,
    ) -> dict[str, Any]:
        """`fim` (psm, spm or null) and `pieces` (null where the text is read as it is)."""
        from datacurate.stages import _fim

        return _fim.columns(self, id, text, source, pieces, _fim.Told(scored, joined, fim))

    def warm(self) -> None:
        """Compile the kernel."""
        from datacurate.kernels import fill_middle

        fill_middle.warm()

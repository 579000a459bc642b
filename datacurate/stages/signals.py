"""Quality signals as columns, for later filters to read."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator

from datacurate.core.errors import RecipeError
from datacurate.core.phase import each
from datacurate.core.registry import stage_class
from datacurate.core.stage import Filter, Map, one_array, with_columns
from datacurate.stages import _dolma as dolma
from datacurate.stages import _redpajama as redpajama

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

FAMILIES = ("redpajama", "dolma", *dolma.C4_TAGGERS)
UT1 = (
    "adult", "agressive", "agressif", "arjel", "chat", "dating", "ddos", "filehosting", "gambling", "porn",
    "mixed_adult", "phishing", "violence",
)  # fmt: skip


class Signals(Map):
    """Measure quality signals once and leave them in the documents as columns.

    `where` and other tools decide by them; a filter that finds its own signals does not measure again. `of` names
    families and filters. `redpajama`: RedPajama-v2's signals of documents and lines that need no model, under their
    published names, `[sic]` included: of `ccnet_*` those that text or columns give, of `rps_doc_*` all but `ml_*` and
    `*_importance`. Stop words and LDNOOBW's words are those of the document's column `language`; without a list for
    it the signal is null. `dolma`: the attributes of dolma's tagger `gopher_v1`, as `gopher_v1__NAME`.
    `dolma_c4`: those of `c4_v2`, as `c4_v2__NAME`, and `dolma_c4_v1`, `c4_v1`: `line_count`, `has_NAME` as 1 or 0, and
    of `lines_with_NAME` how many there are and, in `lines_with_NAME_characters`, how many characters they cover.
    The name of a filter, `gopher_quality`, or with a preset, `gopher_quality:dolma`: that filter's signals, in one
    struct column. A later stage that may change texts removes all these columns, since they would be wrong.

    RedPajama-v2 (Weber et al. 2024; togethercomputer/RedPajama-Data, app/src/core/quality_signals); dolma (Soldaini
    et al. 2024; allenai/dolma, python/dolma/taggers/gopher.py and c4.py).
    """

    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("text",)

    of: tuple[str, ...] = ("redpajama",)
    """What to measure: `redpajama`, `dolma`, `dolma_c4`, `dolma_c4_v1`, names of filters, `FILTER:PRESET`."""
    format: Literal["columns", "redpajama"] = "columns"
    """How RedPajama-v2's signals are written: a column each, or `redpajama`: all of them in the string column
    `quality_signals`, as published: JSON of `[start, end, score]`, offsets in characters."""
    language: str | None = None
    """Language of documents without one, for word lists; null leaves the signals that need a list null."""
    ut1: str | None = None
    """Folder with UT1's blacklists, `CATEGORY/domains`, for `rps_doc_ut1_blacklist`; null leaves that signal out."""
    ut1_categories: tuple[str, ...] = UT1
    """Categories of UT1 that count, RedPajama-v2's unless given (configs/rp_v2.0.conf). `rps_doc_ut1_blacklist` is the
    number of the set of categories that a domain is in, among all sets of these."""
    naughty_words: str | None = None
    """File with the words of `has_naughty_word`, one word or phrase a line, in small letters; null takes LDNOOBW's
    English list as C4 had it. As in dolma, the document's language does not matter."""

    @field_validator("of")
    @classmethod
    def _known(cls, of: tuple[str, ...]) -> tuple[str, ...]:
        for name in of:
            if name not in FAMILIES:
                _filter(name)
        return tuple(dict.fromkeys(of))

    def filters(self) -> dict[str, Filter]:
        """The filters of `of`, by the column that their signals are left in."""
        made = [_filter(name) for name in self.of if name not in FAMILIES]
        return {one.signal_column(): one for one in made}

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """The columns of filters say how they measure: a new version of a filter makes other signals."""
        fields = super().changed_fields(uses)
        columns = list(self.filters())
        return {**fields, "columns": columns} if columns else fields

    def files(self) -> list[str]:
        """Word lists and domain lists."""
        from datacurate.stages import _wordlists

        listed: list[Path] = []
        if "redpajama" in self.of:
            listed += [*_wordlists.stop_word_files().values(), *_wordlists.bad_word_files().values()]
            if self.ut1:
                listed += _wordlists.category_files(self.ut1, self.ut1_categories).values()
        if self._c4():
            dolma.naughty_words(self._naughty())  # says now what is wrong with the file
        return [*(str(path) for path in listed), *([self._naughty()] if self._c4() else [])]

    def _c4(self) -> list[str]:
        """The families of dolma's C4 taggers in `of`."""
        return [name for name in self.of if name in dolma.C4_TAGGERS]

    def _naughty(self) -> str:
        """The file of `naughty_words`."""
        from datacurate.stages import _wordlists

        return self.naughty_words or str(_wordlists.bad_word_files()["en"])

    def reads(self) -> dict[str, bool]:
        """The text, columns that may be there, and what the filters read."""
        wanted = dict.fromkeys(self.needs, True)
        if "redpajama" in self.of:
            wanted |= dict.fromkeys(redpajama.OPTIONAL, False)
        for one in self.filters().values():
            wanted |= {column: needed or wanted.get(column, False) for column, needed in one.reads().items()}
        return wanted

    def made(self, columns: Container[str] = ()) -> dict[str, Any]:
        """The columns of `of`; those that copy a column in front only where it is there."""
        import pyarrow as pa

        names: dict[str, Any] = {}
        if "redpajama" in self.of:
            names |= self._redpajama(columns)
        if "dolma" in self.of:
            names |= dict.fromkeys(dolma.DOLMA, pa.float64())
        for name in self._c4():
            names |= dict.fromkeys(dolma.c4_columns(name), pa.float64())
        return names | dict.fromkeys(self.filters())

    def _redpajama(self, columns: Container[str]) -> dict[str, Any]:
        import pyarrow as pa

        if self.format == "redpajama":
            return {"quality_signals": pa.string()}
        return redpajama.types(columns, bool(self.ut1))

    @each
    def mapped(self, docs: pa.Table) -> pa.Table:
        """The documents with the columns of signals."""
        made: dict[str, Any] = {}
        if "redpajama" in self.of:
            there = {name: one_array(docs[name]) for name in redpajama.OPTIONAL if name in docs.schema.names}
            signals = redpajama.measure(one_array(docs["text"]), there, self.language, self.ut1, self.ut1_categories)
            made |= signals.as_json() if self.format == "redpajama" else signals.as_columns()
        if "dolma" in self.of:
            made |= dolma.attributes(one_array(docs["text"]))
        if self._c4():
            made |= dolma.c4_attributes(one_array(docs["text"]), self._c4(), self._naughty())
        for column, one in self.filters().items():
            made[column] = _struct(one.measured(docs))
        return with_columns(docs, made)

    def warm(self) -> None:
        """Compile the kernels."""
        if "redpajama" in self.of:
            from datacurate.kernels import redpajama_signals

            redpajama_signals.warm()
        if self._c4():
            from datacurate.kernels import dolma_c4

            dolma_c4.warm()
        for one in self.filters().values():
            one.warm()


def _filter(text: str) -> Filter:
    """The filter that `NAME` or `NAME:PRESET` says; ValueError when it says none."""
    name, _, preset = text.partition(":")
    try:
        kind = stage_class(name)
    except RecipeError as error:
        raise ValueError(f"{error} Families: {', '.join(FAMILIES)}") from None
    if not issubclass(kind, Filter) or kind.measured is not Filter.measured:
        raise ValueError(f"'{name}' measures nothing of its own. Name a filter that does, or {', '.join(FAMILIES)}")
    if preset and not kind.presets:
        raise ValueError(f"{name} has no presets. Write '{name}'")
    return kind(**({"preset": preset} if preset else {}))


def _struct(signals: pa.Table) -> pa.StructArray:
    import pyarrow as pa

    return pa.StructArray.from_arrays([one_array(column) for column in signals.columns], signals.column_names)

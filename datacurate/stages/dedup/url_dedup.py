"""Documents of one web address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datacurate.core.phase import Size, each
from datacurate.core.stage import one_array
from datacurate.stages._columns import wrong_type
from datacurate.stages.dedup._base import CHOICE
from datacurate.stages.dedup._digests import DigestDedup

if TYPE_CHECKING:
    import pyarrow as pa

FORM = ("column", "ignored_parameters", "ignore_www")
"""The fields that digests depend on."""


class UrlDedup(DigestDedup):
    """Keep one document of every web address.

    Crawls meet a page again and again, under addresses that differ in nothing that matters. Addresses are compared as
    `host:port/path?query`: scheme, user, default port, fragment, the slash behind the path, `ignored_parameters` and
    the way of writing percent-encoding do not count, hosts are in small letters and ASCII; path and query keep their
    case, for many sites tell pages apart by it. What is compared is a 128-bit BLAKE2s digest of that. Documents without
    an address, or with one that is none, are all kept. That two texts of one address are alike is not asked:
    `keep: newest` takes the last state of a page, where a column `date` says when it was read.
    RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, section 3.3) removes addresses that earlier parts of a crawl had.
    """

    version: ClassVar[int] = 2

    rule: ClassVar[str] = "same_address"
    similarity: ClassVar[float] = float("nan")

    column: str = "url"
    """Column of the address."""
    ignored_parameters: tuple[str, ...] = (
        *("utm_*", "gclid", "gclsrc", "dclid", "wbraid", "gbraid", "fbclid", "msclkid", "yclid", "twclid", "ttclid"),
        *("igshid", "mc_cid", "mc_eid", "_hsenc", "_hsmi", "mkt_tok"),
    )
    """Parameters of queries that say where a reader came from and not what is shown, in any case; `*` at the end
    stands for anything. Those of Google, Meta, Microsoft, Yandex, X, TikTok, Mailchimp, HubSpot and Marketo."""
    ignore_www: bool = False
    """Whether `www.` before a host does not count."""

    def reads(self) -> dict[str, bool]:
        """The text, the address, and the columns that the choice of survivors looks at."""
        return super().reads() | {self.column: True}

    def reads_over(self) -> tuple[str, ...]:
        """The address."""
        return (self.column,)

    def check_columns(self, known: dict[str, Any]) -> None:
        """Raise InputError when the column of addresses is known to hold something else than text."""
        if (kind := known.get(self.column)) is not None:
            self._check(kind)

    def _check(self, kind: Any) -> None:
        import pyarrow as pa

        text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(is_text(kind) for is_text in text):
            raise wrong_type(self.name(), self.column, "text", kind)

    def digests(self, docs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """The digests of the addresses that are some."""
        from datacurate.kernels import blake2s, url_forms

        column = one_array(docs[self.column])
        self._check(column.type)
        found = url_forms.forms(column, self.ignored_parameters, self.ignore_www)
        some = np.flatnonzero(found.states == url_forms.FINE)
        return blake2s.digests(found.text, found.starts[some], found.ends[some]), some

    @each(uses=FORM, over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digest and id of every document of another dataset that has an address."""
        return super().index(docs, dataset)

    @each(uses=(*FORM, *CHOICE))
    def digest(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """The digest of every document that has an address, and what says which one stays."""
        return super().digest(docs, rows, size)

    def warm(self) -> None:
        """Compile the kernels."""
        import pyarrow as pa

        docs = pa.table({"text": ["a"], self.column: ["http://example.org:8080/%7ea?b=c#d"]})
        self.digests(docs)

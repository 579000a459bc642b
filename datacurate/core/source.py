"""Sources: where documents come from. One file makes one shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from datacurate.core.stage import Fate, snake

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.sources._listing import Listing

BATCH_ROWS = 4096
BATCH_BYTES = 32 << 20
"""A batch holds at most this many rows, and at most about this many bytes of text or HTML."""
PAYLOAD_BYTES = 64 << 10
"""At most this much of an unusable record is kept in quarantine."""


Payload = bytes  # the class below has a field called bytes


@dataclass(frozen=True)
class Unread:
    """A record that did not become a document, and why.

    Quarantined when it is broken (`error` says how; `payload` is its head), dropped when it is sound but no document
    (a redirect, a 404, a request record): then `rule` names the reason.
    """

    id: str
    fate: Fate
    rule: str
    bytes: int
    error: str = ""
    payload: Payload = b""


@dataclass(frozen=True)
class Read:
    """One batch from a source: documents, and the records that did not become one."""

    docs: pa.Table
    unread: list[Unread] = field(default_factory=list)


class Source(BaseModel):
    """Base of all sources. Fields are the options; `path` takes files, folders and globs."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: ClassVar[int] = 1
    reread: ClassVar[bool] = False
    """Whether reading the files again costs no more than reading stored documents: then none are stored."""
    sniffs: ClassVar[bool] = False
    """Whether files in folders are taken whose names have no known ending, if they begin like HTML."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """File name endings that choose this format."""
    makes: ClassVar[tuple[str, ...]] = ("id", "text", "source")
    """Columns of the documents."""

    path: str | list[str]
    """Files, folders or glob patterns."""

    @classmethod
    def name(cls) -> str:
        """The format's name in recipes."""
        return snake(cls.__name__)

    def dataset(self) -> str | None:
        """The folder of a finished dataset that is read in place, or None for files that must be parsed."""
        return None

    def columns(self) -> set[str] | None:
        """Columns that the documents will have, or None when only reading them tells."""
        return set(self.makes)

    def types(self) -> dict[str, pa.DataType]:
        """What columns hold, as far as that is known before reading; the null type stands for anything."""
        return {}

    def lacking(self, column: str) -> list[Path]:
        """Files whose documents are known not to have a column that other files of the source have."""
        return []

    def first_keys(self) -> tuple[str, list[str]] | None:
        """Where the first record stands, and its keys, where records have keys that do not become columns."""
        return None

    def files(self) -> list[Path]:
        """The files that `path` names; folders are searched for this format's endings."""
        return self.listing().files

    def listing(self) -> Listing:
        """The files, and how many of the folders' files are left out for their ending."""
        from datacurate.sources import listing

        return listing(self.path, self.suffixes or None, self.sniffs)

    def shards(self) -> list[Path]:
        """What makes one shard each: the files, or several small ones as a `Bundle`."""
        return self.files()

    def check(self, files: list[Path]) -> None:
        """Raise InputError for what is wrong with the files as a whole, before anything runs."""

    def read(self, file: Path, source: str) -> Iterator[Read]:
        """The documents of one file in bounded batches, in file order; `source` fills the source column."""
        raise NotImplementedError

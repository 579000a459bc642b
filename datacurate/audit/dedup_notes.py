"""What a deduplicating stage did without: documents that do not have what `keep` compares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def notes(manifest: dict[str, Any], guard: Iterable[Path]) -> list[str]:
    """A sentence for every source of which documents had no date, or no number, to be compared by.

    `guard` are the parts of the stage's phase of this name.
    """
    from datacurate.core.store import read_parts

    fields = manifest["fields"]
    if fields.get("keep") not in ("newest", "best"):
        return []
    newest = fields["keep"] == "newest"
    lacks = "date that can be read (ISO 8601)" if newest else f"number in '{fields.get('best')}'"
    said = []
    for row in (row for part in guard for row in read_parts([part]).to_pylist()):
        if count := row.get("unknown"):
            of = f"{count:,} of {row['documents']:,} documents of {row['source']}"
            what, counts = ("has", "counts") if count == 1 else ("have", "count")
            rank = "the oldest" if newest else "the least"
            said.append(f"{manifest['folder']}: {of} {what} no {lacks} and {counts} as {rank}")
    return said

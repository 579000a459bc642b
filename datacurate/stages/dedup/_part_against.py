"""Stages that also cut out what stands in other datasets."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from datacurate.core.stage import Stage


class Against(Stage):
    """Base of stages that take parts out of documents, and first those that other datasets hold."""

    unkeyed: ClassVar[tuple[str, ...]] = ("max_loss", "against")

    against: tuple[str, ...] = ()
    """Folders of finished datasets, or of indexes that `curate dedup index` made. What stands in one of them counts as
    seen before everything that is here, whatever the ids are and whatever `keep` says: all copies of it go. Nothing of
    them is removed or handed on."""

    @field_validator("against", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

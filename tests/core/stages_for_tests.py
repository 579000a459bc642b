"""Stages that misbehave in one way each, and small ones that behave. Recipes name them `stages_for_tests.Name`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.errors import InputError
from datacurate.core.phase import Size, by, each, once
from datacurate.core.stage import Filter, Map, Outcome, Removed, Stage
from datacurate.core.types import Count, Positive


def _lengths(text: Any) -> np.ndarray:
    return pc.utf8_length(text).to_numpy(zero_copy_only=False)


def note(path: str, line: str) -> None:
    """Append a line to a file; lines of several processes do not mix."""
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


class Upper(Map):
    """Texts in upper case."""

    rewrites: ClassVar[bool] = True

    def columns(self, text: Any) -> dict[str, Any]:
        return {"text": pc.utf8_upper(text)}


class Doubled(Map):
    """Every text twice."""

    rewrites: ClassVar[bool] = True

    def columns(self, text: Any) -> dict[str, Any]:
        return {"text": pc.binary_join_element_wise(text, text, " ")}


class Lengths(Map):
    """Adds the column `chars`."""

    makes: ClassVar[tuple[str, ...]] = ("chars",)

    def columns(self, text: Any) -> dict[str, Any]:
        return {"chars": _lengths(text)}


class NeedsColour(Map):
    """Needs a column that nothing makes."""

    needs: ClassVar[tuple[str, ...]] = ("text", "txet")

    def columns(self, text: Any) -> dict[str, Any]:
        return {}


class MinChars(Filter):
    """Keep long texts."""

    min_chars: Count = 3
    """Fewest characters."""

    def measure(self, text: Any) -> dict[str, Any]:
        return {"chars": _lengths(text)}

    def rules(self, chars: Any) -> dict[str, Any]:
        return {"short": chars >= self.min_chars}


class MaxChars(Filter):
    """Keep short texts, and add how long they are."""

    adds: ClassVar[tuple[str, ...]] = ("chars",)
    max_chars: Count = 1000
    """Most characters."""

    def measure(self, text: Any) -> dict[str, Any]:
        return {"chars": _lengths(text)}

    def rules(self, chars: Any) -> dict[str, Any]:
        return {"long": chars <= self.max_chars}


class EvenChars(Filter):
    """Keep texts of even length, measured from the column that MaxChars adds."""

    def measure(self, chars: Any) -> dict[str, Any]:
        return {"odd": chars.to_numpy(zero_copy_only=False) % 2}

    def rules(self, odd: Any) -> dict[str, Any]:
        return {"odd": odd < 1}


class Journal(Map):
    """Notes every batch that it works on in a file; tells whether work is done twice."""

    path: str
    """The file."""
    seconds: float = 0.0
    """Time that a batch takes."""

    def columns(self, id: Any) -> dict[str, Any]:
        note(self.path, f"{os.getpid()} {id[0]}" if len(id) else f"{os.getpid()} empty")
        time.sleep(self.seconds)
        return {}


class RaisesOn(Map):
    """Fails when a text holds a word."""

    word: str = "boom"
    """The word."""

    def columns(self, text: Any) -> dict[str, Any]:
        if any(self.word in value for value in text.to_pylist()):
            raise ValueError(f"cannot digest {self.word}")
        return {}


class DropsOrRaises(Stage):
    """Drops texts that hold `drop`, fails when one holds `boom`."""

    @each
    def apply(self, docs: pa.Table) -> Outcome:
        texts = docs["text"].to_pylist()
        if any("boom" in text for text in texts):
            raise ValueError("cannot digest boom")
        gone = np.array(["drop" in text for text in texts], bool)
        return Outcome(docs.filter(pa.array(~gone)), [Removed(np.flatnonzero(gone), "dropped", "unwanted")])


class MeasureRaisesOn(Filter):
    """A filter whose measure fails when a text holds `boom`."""

    def measure(self, text: Any) -> dict[str, Any]:
        if any("boom" in value for value in text.to_pylist()):
            raise ValueError("cannot measure boom")
        return {"chars": _lengths(text)}

    def rules(self, chars: Any) -> dict[str, Any]:
        return {"short": chars >= 3}


class RaisesAlways(Map):
    """Fails whatever the documents are, even on none."""

    def columns(self, text: Any) -> dict[str, Any]:
        raise ValueError("always wrong")


class EndsWorker(Map):
    """Ends the process it runs in when a text holds `end` and a file is there."""

    trigger: str
    """The file."""
    how: Literal["sigkill", "exit", "exception", "user"] = "sigkill"
    """How it ends."""

    @each
    def mapped(self, docs: pa.Table, rows: np.ndarray) -> pa.Table:
        if os.path.exists(self.trigger) and any("end" in text for text in docs["text"].to_pylist()):
            self._end()
        return docs

    def _end(self) -> None:
        print("famous last words", flush=True)
        if self.how == "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "exit":
            os._exit(3)
        if self.how == "user":
            raise InputError(f"{Path(self.trigger).name} is in the way. Remove it.")
        raise ValueError("a bug in this stage")


class LosesRow(Stage):
    """Loses the first row of every batch."""

    @each
    def apply(self, docs: pa.Table) -> pa.Table:
        return docs.slice(1)


class RemovesTwice(Stage):
    """Says that it removed a row which it hands on."""

    @each
    def apply(self, docs: pa.Table) -> Outcome:
        return Outcome(docs, [Removed(np.array([0]), "dropped", "first")])


class ChangesText(Stage):
    """Changes texts without `rewrites`."""

    @each
    def apply(self, docs: pa.Table) -> pa.Table:
        at = docs.schema.get_field_index("text")
        return docs.set_column(at, "text", pa.array([f"{text}!" for text in docs["text"].to_pylist()]))


class ReordersIds(Stage):
    """Hands rows on in another order."""

    @each
    def apply(self, docs: pa.Table) -> pa.Table:
        return docs.take(pa.array(np.arange(docs.num_rows)[::-1]))


class PeeksAtThreshold(Filter):
    """Reads a threshold while measuring, which would make its key a lie."""

    min_chars: Count = 3
    """Fewest characters."""

    def measure(self, text: Any) -> dict[str, Any]:
        return {"enough": _lengths(text) >= self.min_chars}

    def rules(self, enough: Any) -> dict[str, Any]:
        return {"short": enough > 0}


def slots(stage: Survey, size: Size) -> list[tuple[int]]:
    return [(slot,) for slot in range(stage.modulo)]


class Survey(Stage):
    """Keep texts whose length (modulo) is rare: each, by, once, each."""

    modulo: Positive = 3
    """Number of slots."""
    at_most: Count = 1000
    """Most documents of a slot that are kept, of all shards."""

    @each(uses=("modulo",))
    def lengths(self, docs: pa.Table) -> pa.Table:
        return pa.table({"slot": pa.array(_lengths(docs["text"]) % self.modulo, pa.int32())})

    @by("slot", keys=slots, uses=())
    def counts(self, lengths: pa.Table, slot: int) -> pa.Table:
        return pa.table({"slot": pa.array([slot], pa.int32()), "count": pa.array([lengths.num_rows])})

    @once(uses=())
    def summary(self, counts: pa.Table) -> pa.Table:
        return counts.sort_by("slot")

    @each
    def apply(self, docs: pa.Table, summary: pa.Table) -> Outcome:
        full = np.flatnonzero(summary["count"].to_numpy() > self.at_most)
        gone = np.isin(_lengths(docs["text"]) % self.modulo, full)
        return Outcome(docs.filter(pa.array(~gone)), [Removed(np.flatnonzero(gone), "dropped", "common")])


class Selective(Stage):
    """Phases that read some columns, piece by piece, and the part of their own key alone."""

    result = "sequences"
    log: str = ""
    """Where every call of `slow` leaves a line."""
    factor: Positive = 1
    """Multiplies lengths, in a phase behind the slow one."""
    unkeyed: ClassVar[tuple[str, ...]] = ("log",)

    @each(uses=("log",))
    def slow(self, docs: pa.Table) -> pa.Table:
        note(self.log, "slow")
        return pa.table({"id": docs["id"], "chars": pa.array(_lengths(docs["text"]), pa.int32())})

    @each(uses=("factor",))
    def quick(self, docs: pa.Table) -> pa.Table:
        return pa.table({"factor": pa.array(np.full(docs.num_rows, self.factor), pa.int32())})

    @each(streams=("slow",), columns={"slow": ("chars",)})
    def dealt(self, slow: Any, quick: pa.Table) -> Any:
        start = 0
        for table in slow:
            assert table.schema.names == ["chars"]
            chars = np.asarray(table["chars"].combine_chunks())
            times = quick["factor"].slice(start, len(chars)).to_numpy()
            start += len(chars)
            yield pa.table({"slot": pa.array(chars % 2, pa.int32()), "chars": pa.array(chars * times)})

    @by("slot", keys=lambda stage, size: [(0,), (1,)])
    def summed(self, dealt: pa.Table, slot: int) -> pa.Table:
        return pa.table({"slot": pa.array([slot], pa.int32()), "sum": pa.array([sum(dealt["chars"].to_pylist())])})

    @by("slot", keys=lambda stage, size: [(0,), (1,)], own=("summed",), columns={"summed": ("sum",)})
    def halved(self, summed: pa.Table, slot: int) -> pa.Table:
        assert summed.schema.names == ["sum"] and summed.num_rows == 1
        return pa.table({"half": pa.array([summed["sum"][0].as_py() / 2])})

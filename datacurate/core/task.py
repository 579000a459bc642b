"""Tasks: picklable pieces of a plan that know what they read and write, and can be attempted anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from datacurate.core.claims import claim
from datacurate.core.phase import Phase
from datacurate.core.source import Source
from datacurate.core.stage import Stage
from datacurate.core.store import Parts, read_key, read_parts, write_part

SHARD_BITS = 40
"""A row reference is the shard's number shifted left by this many bits, plus the row's number in the shard."""


@dataclass(frozen=True)
class Input:
    """A file of a source, not yet read."""

    name: str
    source: Source
    path: str
    ledger: str | None
    """Where the books of reading go; None where the file is read again."""
    header: dict[str, Any]
    docs: str | None = None
    """Where the documents are stored as they were read, if they are."""


@dataclass(frozen=True)
class Step:
    """One `@each` phase inside a fused task."""

    stage: Stage
    phase: Phase
    role: Literal["measure", "main", "side"]
    out: str
    """The part it writes: signals, a side table, or (main) the ledger."""
    header: dict[str, Any]
    docs: str | None = None
    """Main only: where the documents are stored, if they are."""
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Parts of the `@by` and `@once` phases that it reads."""
    beside: dict[str, str] = field(default_factory=dict)
    """Parts of the `@each` phases before it in this chain that it reads row by row."""
    by: tuple[str, ...] = ()
    """Columns that a later `@by` phase selects on."""
    shardwise: tuple[str, ...] = ()
    """Names among `tables` of which only the rows of this shard are read, in the order of `row`."""
    given: dict[str, Any] = field(default_factory=dict, kw_only=True)
    """Values of parameters: `size`, and the name of the dataset, where that is not the run's own."""


@dataclass(frozen=True)
class EachTask:
    """Neighbouring `@each` phases over one shard: one read, one pass, one write."""

    label: str
    shard: str
    number: int
    head: Input | str
    steps: tuple[Step, ...]
    claims: str
    gpus: int = 0

    @property
    def outputs(self) -> list[str]:
        """Files that exist when the task is done; the documents last."""
        ledgers = [self.head.ledger] if isinstance(self.head, Input) and self.head.ledger else []
        outs = ledgers + [step.out for step in self.steps]
        head = [self.head.docs] if isinstance(self.head, Input) and self.head.docs else []
        return outs + head + [step.docs for step in self.steps if step.docs]

    def done(self) -> bool:
        """Whether every output exists."""
        return all(Path(path).exists() for path in self.outputs)

    def attempt(self) -> None:
        """Make the missing outputs; does nothing when another launch made them meanwhile."""
        with claim(f"{self.claims}/{Path(self.outputs[-1]).parent.name}-{self.shard}.lock"):
            if not self.done():
                from datacurate.core.chain import Chain

                Chain(self).run()

    def start(self) -> tuple[int, str | Input]:
        """The first step to run and what it reads: the last stored documents before which nothing is missing."""
        for at in range(len(self.steps) - 1, -1, -1):
            step = self.steps[at]
            if step.docs and Path(step.docs).exists() and self._complete(at):
                return at + 1, step.docs
        if isinstance(self.head, Input) and self.head.docs and Path(self.head.docs).exists():
            return 0, self.head.docs
        return 0, self.head

    def _complete(self, at: int) -> bool:
        """Whether all outputs up to a step exist, and no later step reads signals that were measured before it."""
        before = {step.out for step in self.steps[: at + 1]}
        later = {out for step in self.steps[at + 1 :] for out in step.beside.values()}
        return all(Path(path).exists() for path in before) and not before & later


@dataclass(frozen=True)
class TableTask:
    """One task of a `@by`, `@once` or table-reading `@each` phase."""

    label: str
    stage: Stage
    phase: Phase
    out: str
    tables: dict[str, tuple[str, ...]]
    claims: str
    key: tuple[int, ...] | None = None
    by: tuple[str, ...] = ()
    folder: str | None = None
    header: dict[str, Any] = field(default_factory=dict)
    keyed: tuple[str, ...] = ()
    """Names among `tables` of which only the rows with `key` are read."""
    gpus: int = 0

    @property
    def outputs(self) -> list[str]:
        """The one part that it makes."""
        return [self.out]

    def done(self) -> bool:
        """Whether the part exists."""
        return Path(self.out).exists()

    def attempt(self) -> None:
        """Make the part; does nothing when another launch made it meanwhile."""
        path = Path(self.out)
        with claim(f"{self.claims}/{path.parent.name}-{path.stem}.lock"):
            if not self.done():
                table = getattr(visible(self.stage, self.phase), self.phase.name)(**self._arguments())
                write_part(path, table, self.by, self.header, ascending=self.phase.grouping != "each")

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name in self.phase.reads:
            streamed, paths = name in self.phase.streams, self.tables.get(name, ())
            columns = [*self.phase.columns[name]] if name in self.phase.columns else None
            if name in self.keyed and self.key is not None:
                made = Parts(paths, [self.key], columns) if streamed else read_key(paths, self.key, columns)
                arguments[name] = made
            elif name == "sequences":
                arguments[name] = [Path(path) for path in self.tables[name]]
            elif name in self.tables:
                arguments[name] = Parts(paths, None, columns) if streamed else read_parts(paths, columns)
            elif name == "folder":
                Path(str(self.folder)).mkdir(parents=True, exist_ok=True)
                arguments[name] = Path(str(self.folder))
            elif self.key is not None and name in self.phase.by:
                arguments[name] = self.key[self.phase.by.index(name)]
        return arguments


Task = EachTask | TableTask


def visible(stage: Stage, phase: Phase) -> Any:
    return stage if phase.uses is None else stage.seeing(phase.uses)

"""Code by repositories: files in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from datacurate.core.phase import Size, by, each
from datacurate.core.stage import Outcome
from datacurate.mixture import sentinels
from datacurate.stages import _joining

if TYPE_CHECKING:
    import pyarrow as pa


class RepoOrder(_joining.Joining):
    """The files of each repository joined to one document, what is needed before what needs it.

    A model that reads a repository's files in that order has seen a function before its use. Imports are read by
    regular expressions (`stages/_imports.py` lists which, for Python, Java, C, C++, C#, JavaScript, TypeScript, Go,
    Rust and others); files that are connected by them are ordered by taking again and again the one that needs the
    fewest of those that are left, which also ends in cycles. Each file begins with its path. What is longer than
    `max_bytes` becomes several documents. The first file keeps its id, the others are merged into it. Files without
    repository or path stay as they are. DeepSeek-Coder (Guo et al. 2024, arXiv:2401.14196), section 2.2, algorithm 1.
    """

    makes: ClassVar[tuple[str, ...]] = (_joining.COLUMN, "pieces")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "deepseek_coder": {},
        "starcoder2": {"path": "line", "repo_token": sentinels.STARCODER2_FILES[0],
                       "file_token": sentinels.STARCODER2_FILES[1]},
        "qwen2.5_coder": {"path": "line", "name_line": True, "repo_token": sentinels.QWEN_FILES[0],
                          "file_token": sentinels.QWEN_FILES[1]},
    }  # fmt: skip

    preset: str = "deepseek_coder"
    """Whose form: `deepseek_coder` (the path as a comment in the file's language), `starcoder2` (Lozhkov et al. 2024:
    control tokens in front of the repository's name and of every path), `qwen2.5_coder` (Hui et al. 2024: the same,
    with a line for the name)."""
    repo_column: str = "repo"
    """The column that says which repository a file is of; `meta.KEY` of JSON Lines."""
    path_column: str = "path"
    """The column of paths within the repository, with `/` between folders; `meta.KEY` of JSON Lines."""
    path: Literal["comment", "line", "none"] = "comment"
    """How a file begins: with its path as a comment, as a line, or without it."""
    repo_token: str | None = None
    """The control token in front of the repository's name; `null`: the name is left out."""
    file_token: str | None = None
    """The control token in front of each file; `null`: none."""
    name_line: bool = False
    """Whether the repository's name is a line of its own (Qwen2.5-Coder) or stands right before the first file."""
    join: Literal["repository", "connected"] = "repository"
    """What one document may hold: all files of a repository, one connected part behind the other, or one such part."""
    max_bytes: Annotated[int, Field(ge=1, le=_joining.MOST_BYTES)] = 1 << 20
    """The longest text that is made; a file that is longer stands alone."""

    @model_validator(mode="after")
    def _tokens_are_named(self) -> RepoOrder:
        if "" in (self.repo_token, self.file_token):
            raise ValueError("a token without a name marks nothing. Name it, or set it to null")
        return self

    def reads(self) -> dict[str, bool]:
        """The text, and the columns of repositories and paths."""
        return super().reads() | {self.repo_column: True, self.path_column: True}

    @each(uses=("repo_column", "path_column"))
    def imports(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """Every file that has a repository and a path, and what it says of others, dealt out by repository."""
        from datacurate.stages import _repo

        return _repo.files(docs, rows, size, self.repo_column, self.path_column)

    @by("slice", keys=_joining.slices, shardwise=True)
    def united(self, imports: pa.Table) -> pa.Table:
        """What becomes of every file."""
        return _joining.verdict(imports, self._bundles(imports))

    def _bundles(self, imports: pa.Table) -> Iterator[_joining.Bundle]:
        from datacurate.stages import _repo

        return _repo.bundles(self, imports)

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, united: pa.Table) -> Outcome:
        """The documents, repositories in place of their first files."""
        return _joining.applied(docs, rows, united, "joined", marks=True)

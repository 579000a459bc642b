"""Files of repositories: dealt out by repository, put in order, and written one behind the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datacurate.core.errors import InputError
from datacurate.core.phase import Size
from datacurate.stages import _imports, _imports_found, _joining, _repo_graph

if TYPE_CHECKING:
    from datacurate.stages.repo_order import RepoOrder

HASH = (
    "py", "pyi", "pyx", "pxd", "rb", "sh", "bash", "zsh", "pl", "pm", "r", "jl", "yml", "yaml",
    "toml", "cfg", "ini", "tf", "mk", "cmake", "ps1", "nim", "ex", "exs", "cr",
)  # fmt: skip
DASHES = ("sql", "lua", "hs", "elm", "adb", "ads", "vhd", "vhdl")
MARKUP = ("html", "htm", "xml", "md", "markdown", "vue", "svelte", "svg")
COMMENTS = {
    **dict.fromkeys(HASH, ("# ", "")), **dict.fromkeys(DASHES, ("-- ", "")), **dict.fromkeys(MARKUP, ("<!-- ", " -->")),
    "css": ("/* ", " */"), "lisp": ("; ", ""), "el": ("; ", ""), "clj": ("; ", ""), "scm": ("; ", ""),
    "tex": ("% ", ""), "m": ("// ", ""), "erl": ("% ", ""), "asm": ("; ", ""), "f90": ("! ", ""), "ml": ("(* ", " *)"),
}  # fmt: skip
"""How a comment of one line begins and ends, by the path's ending; `//` for others, `#` where there is none."""
NAMED = ("makefile", "dockerfile", "cmakelists.txt", "gemfile", "rakefile")
"""Names of files whose comments begin with `#` whatever their ending."""


def files(docs: pa.Table, rows: np.ndarray, size: Size, repo_column: str, path_column: str) -> pa.Table:
    """The table of files that have a repository and a path."""
    repos, paths = (_names(docs, column) for column in (repo_column, path_column))
    sources = docs["source"].to_pylist()
    there = docs["text"].is_valid().to_pylist()
    some = np.array([k for k in range(docs.num_rows) if there[k] and repos[k] and paths[k]], np.int64)
    keys = [json.dumps([sources[k], repos[k]]) for k in range(docs.num_rows)]
    group = _joining.hashes(keys, "repository")
    texts = docs["text"].take(pa.array(some)).to_pylist()
    chosen = [(_clean(paths[k]), repos[k]) for k in some.tolist()]
    told = [_imports.said(path, text or "") for (path, _), text in zip(chosen, texts, strict=True)]
    flat = [[part for said in one for part in said] for one in told]
    made = _joining.gathered(docs, rows, size, group, some, path=([path for path, _ in chosen], "large_string"))
    made = made.append_column("repo", pa.array([repo for _, repo in chosen], pa.large_string()))
    return made.append_column("said", pa.array(flat, pa.list_(pa.string())))


def _names(docs: pa.Table, column: str) -> list[Any]:
    found = _joining.values(docs, column)
    kind = found.type
    if pa.types.is_dictionary(kind):
        found = found.cast(kind.value_type)
    if not (pa.types.is_string(found.type) or pa.types.is_large_string(found.type) or pa.types.is_null(found.type)):
        raise InputError(f"repo_order: the column '{column}' holds {kind}, not names. Convert it or name another.")
    return found.to_pylist()


def _clean(path: str) -> str:
    """A path with `/` between folders and none in front."""
    return path.replace("\\", "/").removeprefix("./").lstrip("/")


def bundles(stage: RepoOrder, table: pa.Table) -> Iterator[_joining.Bundle]:
    """The documents of every repository of a slice."""
    for members in _joining.groups(table, "path"):
        own = table.take(pa.array(members))
        for order in _orders(stage, own):
            yield from _written(stage, own, order, members)


def _orders(stage: RepoOrder, own: pa.Table) -> list[list[int]]:
    """The files of a repository in their order: all, or those of each connected part."""
    told = [
        [_imports.Said(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)] for flat in own["said"].to_pylist()
    ]
    tree = _imports_found.Tree(own["path"].to_pylist(), told, own["repo"][0].as_py())
    needs = [_imports_found.needed(tree, k, said) for k, said in enumerate(told)]
    parts = _repo_graph.ordered(needs)
    return [list(itertools.chain(*parts))] if stage.join == "repository" else parts


def _written(stage: RepoOrder, own: pa.Table, order: list[int], members: np.ndarray) -> Iterator[_joining.Bundle]:
    """The documents that hold these files, none longer than `max_bytes` that holds more than one."""
    head = _head(stage, own["repo"][0].as_py())
    parts = [_part(stage, own["path"][k].as_py(), own["text"][k].as_py()) for k in order]
    sizes = [len(part) for part in parts]
    for begin, end in _joining.piles(sizes, max(1, stage.max_bytes - len(head)), 0):
        whole = b"".join([head, *parts[begin:end]])
        bounds = [0, *itertools.accumulate(sizes[begin:end], initial=len(head))]
        yield _joining.Bundle(members[order[begin:end]].tolist(), whole.decode(), _pieces(stage, bounds))


def _head(stage: RepoOrder, repo: str) -> bytes:
    if stage.repo_token is None:
        return b""
    return f"{repo}\n".encode() if stage.name_line else repo.encode()


def _part(stage: RepoOrder, path: str, text: str) -> bytes:
    """A file as it is written: its path, its text, and a line break at the end."""
    front, back = _comment(path) if stage.path == "comment" else ("", "")
    first = "" if stage.path == "none" else f"{front}{' '.join(path.splitlines())}{back}\n"
    return f"{first}{text}{'' if text.endswith(chr(10)) or not text else chr(10)}".encode()


def _comment(path: str) -> tuple[str, str]:
    name = path.rsplit("/", 1)[-1].lower()
    if name in NAMED or "." not in name:
        return "# ", ""
    return COMMENTS.get(name.rsplit(".", 1)[-1], ("// ", ""))


def _pieces(stage: RepoOrder, bounds: list[int]) -> list[tuple[str | None, int, int]] | None:
    """The control tokens of a document: in front of the name, and of each file."""
    if stage.repo_token is None and stage.file_token is None:
        return None
    files = [(stage.file_token, begin, end) for begin, end in itertools.pairwise(bounds[1:])]
    return [(stage.repo_token, 0, bounds[1]), *files] if stage.repo_token else files

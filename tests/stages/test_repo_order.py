"""Repositories in order: algorithm 1 as it is printed, imports of each language, and where every file went."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacurate.core.errors import InputError, RecipeError
from datacurate.mixture import pieces, tokenize
from datacurate.stages import _imports, _imports_found, _repo_graph
from tests.contract import exam


def algorithm_1(needs: list[list[int]]) -> list[list[int]]:
    """Guo et al. 2024, algorithm 1, line by line; of equal degrees the first file."""
    files = range(len(needs))
    graphs: dict[int, list[int]] = {f: [] for f in files}
    degree = dict.fromkeys(files, 0)
    for a in files:
        for b in files:
            if b in needs[a]:
                graphs[b].append(a)
                degree[a] += 1
    results = []
    for part in disconnected(graphs):
        done: list[int] = []
        while len(done) != len(part):
            file = min((f for f in part if f not in done), key=lambda f: (degree[f], f))
            for node in graphs[file]:
                degree[node] -= 1
            done.append(file)
        results.append(done)
    return results


def disconnected(graphs: dict[int, list[int]]) -> list[list[int]]:
    parts: list[set[int]] = [{f} for f in graphs]
    for a, nodes in graphs.items():
        for b in nodes:
            together = [part for part in parts if a in part or b in part]
            parts = [part for part in parts if part not in together] + [set().union(*together)]
    return sorted(sorted(part) for part in parts)


@st.composite
def graphs(draw):
    count = draw(st.integers(0, 9))
    some = st.lists(st.integers(0, max(0, count - 1)), max_size=4, unique=True)
    return [[b for b in draw(some) if b != a] for a in range(count)]


@given(graphs())
def test_order_is_that_of_algorithm_1(needs):
    assert _repo_graph.ordered(needs) == algorithm_1(needs)


def test_a_long_chain_and_a_hub_take_no_time():
    chain = [[k + 1] for k in range(49_999)] + [[]]
    assert _repo_graph.ordered(chain) == [list(range(49_999, -1, -1))]
    assert _repo_graph.ordered([[0] if k else [] for k in range(50_000)]) == [list(range(50_000))]


def found(files: dict[str, str], repo: str = "owner/repo") -> dict[str, list[str]]:
    """What each file needs, by path."""
    paths = sorted(files)
    told = [_imports.said(path, files[path]) for path in paths]
    tree = _imports_found.Tree(paths, told, repo)
    return {paths[k]: sorted(paths[n] for n in _imports_found.needed(tree, k, said)) for k, said in enumerate(told)}


CASES = {
    "python": (
        {
            "src/pkg/__init__.py": "",
            "src/pkg/a.py": "import os, pkg.b as x\nfrom pkg.sub import (\n    c,  # why\n    nothing,\n)\n",
            "src/pkg/b.py": "from . import a\nfrom .sub.c import f\nfrom .. import outside\nfrom ...... import far\n",
            "src/pkg/sub/__init__.py": "",
            "src/pkg/sub/c.py": "from ..b import g\nimport util ; import pkg\n'''\nimport setup\n'''\n",
            "src/other/os.py": "",
            "util.py": "",
            "setup.py": "#import util\nimport  pkg\n",
        },
        {
            "src/pkg/a.py": ["src/pkg/b.py", "src/pkg/sub/__init__.py", "src/pkg/sub/c.py"],
            "src/pkg/b.py": ["src/pkg/a.py", "src/pkg/sub/c.py"],
            "src/pkg/sub/c.py": ["setup.py", "src/pkg/b.py", "util.py"],  # what stands in a string counts
            "setup.py": ["src/pkg/__init__.py"],
        },
    ),
    "java": (
        {
            "src/main/java/org/x/A.java": "package org.x;\nimport org.x.b.B;\nimport static org.x.C.make;\nimport java.util.List;\n",  # noqa: E501
            "src/main/java/org/x/C.java": "import org.x.b.*;\n",
            "src/main/java/org/x/b/B.java": "",
            "src/main/java/org/x/b/D.kt": "import org.x.A as Alpha\n",
        },
        {
            "src/main/java/org/x/A.java": ["src/main/java/org/x/C.java", "src/main/java/org/x/b/B.java"],
            "src/main/java/org/x/C.java": ["src/main/java/org/x/b/B.java", "src/main/java/org/x/b/D.kt"],
            "src/main/java/org/x/b/D.kt": ["src/main/java/org/x/A.java"],
        },
    ),
    "c": (
        {
            "src/main.cpp": '#include <vector>\n#include "util.h"\n#  include "../include/lib/api.hpp"\n',
            "src/util.h": "",
            "test/util.h": '#include <lib/api.hpp>\n',
            "include/lib/api.hpp": "#include \"detail.h\"\n",
        },
        {"src/main.cpp": ["include/lib/api.hpp", "src/util.h"], "test/util.h": ["include/lib/api.hpp"]},
    ),
    "the nearest of several": (
        {"x/lib/a.h": "", "y/lib/a.h": "", "y/src/b.c": "#include <lib/a.h>\n", "z/b.c": "#include <lib/a.h>\n"},
        {"y/src/b.c": ["y/lib/a.h"], "z/b.c": ["x/lib/a.h"]},
    ),
    "csharp": (
        {
            "A.cs": "using System;\nusing My.Lib;\nusing static My.Tools.Maths;\nusing (var x = y) { }\nnamespace My.App;\n",  # noqa: E501
            "L1.cs": "namespace My.Lib { }\n",
            "L2.cs": "using P = My.App.Program;\nnamespace My.Lib\n{\n}",
            "M.cs": "namespace My.Tools;\n",
        },
        {"A.cs": ["L1.cs", "L2.cs", "M.cs"], "L2.cs": ["A.cs"]},
    ),
    "script": (
        {
            "app/main.ts": 'import { a } from "./a";\nimport "./style.css"\nexport * from "../lib";\nimport x from "react"\n',  # noqa: E501
            "app/a.tsx": "const b = require('./b.js'); await import(\"./c\")\n",
            "app/b.ts": "", "app/c.mjs": "", "app/style.css": "", "lib/index.js": "",
        },
        {"app/main.ts": ["app/a.tsx", "app/style.css", "lib/index.js"], "app/a.tsx": ["app/b.ts", "app/c.mjs"]},
    ),
    "go": (
        {
            "go.mod": "module example.org/m\n",
            "main.go": 'package main\n\nimport (\n\t"fmt"\n\tq "example.org/m/pkg/q"\n\t"example.org/other/pkg/r"\n)\n',
            "pkg/q/one.go": 'import "example.org/m"\n', "pkg/q/two.go": "", "pkg/q/two_test.go": "", "pkg/r/r.go": "", "fmt/f.go": "",  # noqa: E501
        },
        {"main.go": ["pkg/q/one.go", "pkg/q/two.go"], "pkg/q/one.go": ["main.go"]},
    ),
    "go without go.mod": (
        {"a.go": 'import "github.com/owner/repo/b"\nimport "github.com/owner/else/c"\n', "b/b.go": "", "c/c.go": ""},
        {"a.go": ["b/b.go"]},
    ),
    "rust": (
        {
            "src/lib.rs": "pub mod a;\nmod b;\n", "src/a.rs": "mod inner;\nuse crate::b::c::Thing;\n",
            "src/a/inner.rs": "use super::super::b;\nuse std::fmt;\n", "src/b/mod.rs": "pub(crate) mod c;\nuse self::c::{X};\n",  # noqa: E501
            "src/b/c.rs": "use crate::a;\n",
        },
        {
            "src/lib.rs": ["src/a.rs", "src/b/mod.rs"], "src/a.rs": ["src/a/inner.rs", "src/b/c.rs"],
            "src/a/inner.rs": ["src/b/mod.rs"], "src/b/mod.rs": ["src/b/c.rs"], "src/b/c.rs": ["src/a.rs"],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_imports_that_are_read(name):
    files, wanted = CASES[name]
    assert found(files) == {path: wanted.get(path, []) for path in files}


def test_python_imports_are_those_that_the_parser_sees(root):
    """Our own package: what its own syntax trees import, module by module."""
    files = {str(p.relative_to(root)): p.read_text() for p in sorted((root / "datacurate").rglob("*.py"))}
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}
    wanted = {}
    for path, text in files.items():
        names = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                of = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= {name if name in modules else node.module for name in of}
        wanted[path] = sorted({modules[name] for name in names if name in modules} - {path})
    ours = {(path, need) for path, some in found(files).items() for need in some}
    theirs = {(path, need) for path, some in wanted.items() for need in some}
    # an import that a string shows at the beginning of a line would be too much; there is none at the time of writing
    assert theirs <= ours and len(ours - theirs) <= 0.01 * len(theirs) and len(theirs) > 500


def repositories() -> pa.Table:
    rows = [
        ("r1", "main.py", "import util\nfrom lib.core import go\n"), ("r1", "util.py", "x = 1"),
        ("r1", "lib/core.py", "import util\n"), ("r1", "README.md", "Read me"), ("r2", "b.js", "import './a.js'\n"),
        ("r2", "a.js", "export {}\n"), (None, "lost.py", "import util"), ("r3", "alone.c", ""), ("r3", None, "no path"),
    ]  # fmt: skip
    repos, paths, texts = (pa.array(column, pa.string()) for column in zip(*rows, strict=True))
    return exam.documents(texts.to_pylist()).append_column("repo", repos).append_column("path", paths)


def run(folder: Path, tables: list[pa.Table], name: str = "out", **options):
    inputs = exam.write_shards(folder / f"{name}-in" / "docs", tables)
    options = {"repo_column": "repo", "path_column": "path", "max_bytes": 1 << 20} | options
    done = exam.run("repo_order", inputs, folder / name, **options)
    return done, {row["id"]: row for row in exam.rows(folder / name).to_pylist()}


def test_repositories_become_documents(tmp_path):
    done, rows = run(tmp_path, [repositories()])
    said = {tuple(row["joined"] or ()): row["text"] for row in rows.values()}
    # README.md needs nothing and is no part of the other files: it comes first, by path
    assert said == {
        ("docs-00003", "docs-00001", "docs-00002", "docs-00000"): (
            "<!-- README.md -->\nRead me\n# util.py\nx = 1\n# lib/core.py\nimport util\n"
            "# main.py\nimport util\nfrom lib.core import go\n"
        ),
        ("docs-00005", "docs-00004"): "// a.js\nexport {}\n// b.js\nimport './a.js'\n",
        ("docs-00007",): "// alone.c\n",
        (): said[()],
    }
    assert {row["text"] for row in rows.values() if not row["joined"]} == {"import util", "no path"}
    books = exam.books(done)
    assert books["merged"]["joined"]["documents"] == 4 and books["out"]["documents"] == 5
    assert all(row["pieces"] is None for row in rows.values())


def test_json_lines_have_them_in_meta(tmp_path):
    rows = [
        {"id": r["id"], "text": r["text"], "repo": r["repo"], "file": r["path"]} for r in repositories().to_pylist()
    ]
    path = tmp_path / "code.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    exam.run("repo_order", path, tmp_path / "out", repo_column="meta.repo", path_column="meta.file")
    joined = {tuple(row["joined"] or ()) for row in exam.rows(tmp_path / "out").to_pylist()}
    assert joined == {
        ("docs-00003", "docs-00001", "docs-00002", "docs-00000"),
        ("docs-00005", "docs-00004"),
        ("docs-00007",),
        (),
    }
    with pytest.raises(RecipeError, match=r"repo_order needs the column 'repo'.*has the keys.*repo"):
        exam.run("repo_order", path, tmp_path / "wrong", repo_column="repo", path_column="path")


def test_connected_parts_and_lengths(tmp_path):
    rows = run(tmp_path, [repositories()], "parts", join="connected")[1]
    assert {len(row["joined"] or ()) for row in rows.values()} == {0, 1, 2, 3}
    rows = run(tmp_path, [repositories()], "short", max_bytes=40)[1]
    assert all(len(row["text"]) <= 40 or len(row["joined"]) == 1 for row in rows.values() if row["joined"])
    held = [name for row in rows.values() for name in row["joined"] or [row["id"]]]
    assert sorted(held) == repositories()["id"].to_pylist()


def test_shards_and_order_of_files_do_not_matter(tmp_path):
    table = repositories()
    shuffled = table.take(pa.array(random.Random(3).sample(range(9), 9)))
    one = run(tmp_path, [table], "one")[1]
    assert one == run(tmp_path, [shuffled.slice(at, 2) for at in range(0, 9, 2)], "many")[1]


@pytest.mark.parametrize("preset", ["starcoder2", "qwen2.5_coder"])
def test_tokens_stand_in_front_of_files(tmp_path, root, preset):
    """With the model's tokens, and filled in by `fim` file by file; a path that spells a token out stays text."""
    from tokenizers import Tokenizer

    from datacurate.stages.fim import Fim
    from datacurate.stages.repo_order import RepoOrder

    stage = RepoOrder(preset=preset)
    made = Tokenizer.from_file(str(root / "sample" / "tokenizer.json"))
    fim = Fim(preset=preset, rate=1, file_rate=1, spm_rate=0)
    sentinels = [stage.repo_token, stage.file_token, fim.prefix_token, fim.suffix_token, fim.middle_token]
    made.add_special_tokens(sentinels)
    made.save(str(tmp_path / "tokenizer.json"))
    encoder = tokenize.load(str(tmp_path / "tokenizer.json"), "<|endoftext|>")
    table = repositories()
    hostile = pa.array([path and path.replace("util", f"{stage.file_token}util") for path in table["path"].to_pylist()])
    rows = run(tmp_path, [table.set_column(4, "path", hostile)], preset=preset)[1]
    row = rows["docs-00001"]
    line = "\n" if preset.startswith("qwen") else ""
    assert row["text"].startswith(f"r1{line}{stage.file_token}util.py\nx = 1\nREADME.md\n")
    docs = exam.rows(tmp_path / "out")
    for table_, fills in ((docs, 0), (fim.mapped(docs), 1)):
        flat, offsets = pieces.encode(encoder, table_["text"], table_["pieces"])
        at = list(rows).index("docs-00001")
        ids = flat[offsets[at] : offsets[at + 1]]
        counts = [int((ids == encoder.special[name]).sum()) for name in sentinels]
        files = 4 if preset == "starcoder2" else 1
        assert counts == [1, 4, files * fills, files * fills, files * fills]
        if not fills:
            assert encoder.decode(ids) == row["text"]


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(RecipeError, match=r"repo"):
        run(tmp_path, [exam.documents(["a"])])
    wrong = repositories().set_column(3, "repo", pa.array(range(9)))
    with pytest.raises(InputError, match=r"holds int64, not names"):
        run(tmp_path, [wrong], "wrong")
    with pytest.raises(ValueError, match=r"a token without a name"):
        exam.make("repo_order", file_token="")


HOSTILE = [
    "import " * 100_000, "from " + "." * 100_000 + " import a", "import\n" * 100_000, " " * 1_000_000, "\n" * 1_000_000,
    "import (" + '"a"\n' * 100_000, "from a import (" + "b, " * 100_000, "use crate" + "::a" * 100_000, "require(" * 100_000,  # noqa: E501
    "using " + "a." * 100_000, "import a" * 100_000, "#include <" * 100_000, "x = 'from " * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("path", ["a.py", "a.java", "a.c", "a.cs", "a.js", "a.go", "a.rs", "go.mod"])
def test_hostile_files_take_no_time(path):
    import time

    for text in HOSTILE:
        start = time.process_time()
        _imports.said(path, text)
        assert time.process_time() - start < 2 + len(text) / 1e6, text[:20]

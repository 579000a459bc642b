"""What a source file says that it needs, as far as regular expressions can read it.

Nothing is parsed: an import in a block of comments or a string that begins a line counts, and one that is built at run
time does not. `_imports_found.py` says which files of the repository are meant. What is read, by the path's ending:

- Python: `import a.b`, `from a.b import c` (c may be a module), relative ones; names in brackets over several lines;
  of a line with several statements the first.
- Java, Kotlin, Scala, Groovy: `import a.b.C`, `import static a.b.C.m`, `import a.b.*`. Classes of the same package,
  which need no import, are not seen.
- C, C++, Objective-C, CUDA: `#include "a.h"` and `<a.h>`, `#import`.
- C#: `using A.B;`, `using static`, `using X = A.B;` for the files that say `namespace A.B`.
- JavaScript, TypeScript, Vue, Svelte: `import`, `export ... from`, `require(...)`, `import(...)` of paths that begin
  with a dot. Packages and aliases of tsconfig.json are not resolved.
- Go: `import` alone or in brackets, for all files of the package's folder, by the module path in go.mod; without one,
  of paths whose third part is the repository's name.
- Rust: `mod a;`, `use crate::a`, `use self::a`, `use super::a`; names in braces are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

MOST_IMPORTS = 1000
"""Of one file: more are tables that a program wrote."""


class Said(NamedTuple):
    """One thing that a file says."""

    kind: str
    name: str


_PYTHON = re.compile(
    r"^[ \t]*(?:import[ \t]+([\w., \t]{1,500})"
    r"|from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(?:\(([^()]{0,4000})\)|([^\n(#;]{1,1000})))",
    re.MULTILINE,
)
_JAVA = re.compile(r"^[ \t]*import[ \t]+(static[ \t]+)?([\w.]{1,500}?)(\.[*_])?[ \t]*(?:;|\{|as\b|$)", re.MULTILINE)
_C = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*[<\"]([^>\"\n]{1,500})[>\"]", re.MULTILINE)
_USING = re.compile(
    r"^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:\w+[ \t]*=[ \t]*)?([\w.]{1,500})[ \t]*;", re.MULTILINE
)
_NAMESPACE = re.compile(r"^[ \t]*namespace[ \t]+([\w.]{1,500})", re.MULTILINE)
_SCRIPT = re.compile(
    r"(?:\bfrom|\bimport|\brequire[ \t]{0,9}\(|\bimport[ \t]{0,9}\()[ \t]{0,9}[\"'](\.[^\"'\n]{0,500})[\"']"
)
_GO = re.compile(r"^import[ \t]*(?:\(([^()]{0,20000})\)|(?:[\w.]+[ \t]+)?\"([^\"\n]{1,500})\")", re.MULTILINE)
_QUOTED = re.compile(r"\"([^\"\n]{1,500})\"")
_GO_MODULE = re.compile(r"^module[ \t]+(\S{1,500})", re.MULTILINE)
_RUST_MOD = re.compile(r"^[ \t]*(?:pub(?:\([^)\n]{0,50}\))?[ \t]+)?mod[ \t]+(\w{1,200})[ \t]*;", re.MULTILINE)
_RUST_USE = re.compile(
    r"^[ \t]*(?:pub(?:\([^)\n]{0,50}\))?[ \t]+)?use[ \t]+((?:crate|self|super)(?:::(?:\w{1,200}))*)", re.MULTILINE
)
_REMARK = re.compile(r"#[^\n]*")
_NAME = re.compile(r"[ \t\n]*(\w+)")


def _python(text: str) -> Iterable[Said]:
    for plain, module, several, one in _PYTHON.findall(text):
        if plain:
            yield from (Said("module", name.split()[0]) for name in plain.split(",") if name.split())
            continue
        told = _REMARK.sub("", several) or one
        names = [found[1] for part in told.split(",") if (found := _NAME.match(part))]
        dotted = module if module.endswith(".") or not module else f"{module}."
        yield from (Said("module", dotted + name) for name in names or [""])


def _java(text: str) -> Iterable[Said]:
    for static, name, all_ in _JAVA.findall(text):
        yield Said("package" if all_ and not static else "class", name)


def _c(text: str) -> Iterable[Said]:
    return (Said("header", name) for name in _C.findall(text))


def _csharp(text: str) -> Iterable[Said]:
    yield from (Said("declares", name) for name in _NAMESPACE.findall(text))
    yield from (Said("namespace", name) for name in _USING.findall(text))


def _script(text: str) -> Iterable[Said]:
    return (Said("path", name) for name in _SCRIPT.findall(text))


def _go(text: str) -> Iterable[Said]:
    for several, one in _GO.findall(text):
        yield from (Said("folder", name) for name in ([one] if one else _QUOTED.findall(several)))


def _go_module(text: str) -> Iterable[Said]:
    return (Said("declares", name) for name in _GO_MODULE.findall(text)[:1])


def _rust(text: str) -> Iterable[Said]:
    yield from (Said("mod", name) for name in _RUST_MOD.findall(text))
    yield from (Said("use", name) for name in _RUST_USE.findall(text))


LANGUAGES: dict[str, tuple[Callable[[str], Iterable[Said]], tuple[str, ...]]] = {
    "python": (_python, (".py", ".pyi", ".pyx", ".pxd")),
    "java": (_java, (".java", ".kt", ".kts", ".scala", ".groovy")),
    "c": (_c, (".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inl", ".ipp", ".m", ".mm", ".cu", ".cuh")),
    "csharp": (_csharp, (".cs",)),
    "script": (_script, (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")),
    "go": (_go, (".go",)),
    "go.mod": (_go_module, ("go.mod",)),
    "rust": (_rust, (".rs",)),
}
"""By name: how its files are read, and how their paths end."""


def language(path: str) -> str | None:
    """The language of a path, by its ending; None when its imports are not read."""
    name = path.rsplit("/", 1)[-1].lower()
    ending = "." + name.rsplit(".", 1)[-1] if "." in name else ""
    return next((one for one, (_, ends) in LANGUAGES.items() if ending in ends or name in ends), None)


def said(path: str, text: str) -> list[Said]:
    """What a file says of others, each once, in order."""
    one = language(path)
    return list(dict.fromkeys(LANGUAGES[one][0](text)))[:MOST_IMPORTS] if one else []

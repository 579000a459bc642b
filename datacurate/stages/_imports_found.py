"""Which files of a repository are meant by what one of them says (`_imports.py`)."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable

from datacurate.stages._imports import LANGUAGES, Said, language

WIDE = 64
"""An import of a whole package, folder or namespace stands for at most this many files, the first by path."""
SCRIPT_ENDINGS = ("", *LANGUAGES["script"][1], *(f"/index{end}" for end in LANGUAGES["script"][1]))
PYTHON_ENDINGS = (".py", "/__init__.py", ".pyi", ".pyx")
JAVA_ENDINGS = LANGUAGES["java"][1]
CRATE = ("lib.rs", "main.rs")


class Tree:
    """The files of one repository, to be looked up by path, by the end of a path, and by what they declare."""

    def __init__(self, paths: list[str], told: list[list[Said]], repo: str = ""):
        self.paths = paths
        self.name = repo.rsplit("/", 1)[-1]
        self.at: dict[str, int] = {}
        self.by_end: dict[str, list[int]] = defaultdict(list)
        self.by_folder: dict[str, list[int]] = defaultdict(list)
        self.declared: dict[str, list[int]] = defaultdict(list)
        self.modules: list[str] = []
        for k, (path, said) in enumerate(zip(paths, told, strict=True)):
            self.at.setdefault(path, k)
            parts = path.split("/")
            for n in (1, 2):
                if len(parts) >= n:
                    self.by_end["/".join(parts[-n:])].append(k)
            self.by_folder["/".join(parts[:-1])].append(k)
            names = [name for kind, name in said if kind == "declares"]
            if language(path) == "go.mod":
                self.modules += [f"{name}\n{posixpath.dirname(path)}" for name in names]
            else:
                for name in names:
                    self.declared[name].append(k)
        self.known: dict[tuple[str, str], list[int]] = {}
        self.looked_up: dict[tuple[str, str, str], list[int]] = {}

    def ending(self, end: str, near: str) -> list[int]:
        """The file whose path ends so: of several the one that shares most folders with `near`, then the shortest."""
        parts = end.split("/")
        found = self.by_end.get("/".join(parts[-2:]), [])
        if len(parts) > 2:
            found = [k for k in found if self.paths[k] == end or self.paths[k].endswith(f"/{end}")]
        if len(found) <= 1:
            return found
        known = self.known.get((end, near))
        if known is None:
            best = min(found, key=lambda k: (-_shared(self.paths[k], near), len(self.paths[k]), k))
            known = self.known[end, near] = [best]
        return known

    def first(self, paths: Iterable[str]) -> list[int]:
        """The first of these paths that is there."""
        return next(([self.at[path]] for path in paths if path in self.at), [])


def _shared(path: str, folder: str) -> int:
    """How many folders two paths begin with alike."""
    count = 0
    for a, b in zip(path.split("/")[:-1], folder.split("/"), strict=False):
        if a != b:
            break
        count += 1
    return count


def needed(tree: Tree, k: int, said: list[Said]) -> list[int]:
    """The other files that a file needs, each once."""
    folder = posixpath.dirname(tree.paths[k])
    found: dict[int, None] = {}
    for kind, name in said:
        if kind == "declares":
            continue
        # modules of Rust depend on the file's name, too
        key = (kind, name, tree.paths[k] if kind in ("mod", "use") else folder)
        if key not in tree.looked_up:
            tree.looked_up[key] = FIND[kind](tree, k, folder, name)[:WIDE]
        found.update(dict.fromkeys(tree.looked_up[key]))
    found.pop(k, None)
    return list(found)


def _module(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Python: `a.b.c` is a file or package of that path, or a name in `a.b`; one dot in front is the file's folder."""
    dots = len(name) - len(name.lstrip("."))
    parts = [part for part in name.split(".") if part]
    above = folder.split("/") if folder else []
    if dots > len(above) + 1:
        return []
    for some in (parts, parts[:-1]):
        if dots:
            base = "/".join([*above[: len(above) + 1 - dots], *some])
            found = tree.first(f"{base}{end}".lstrip("/") for end in PYTHON_ENDINGS)
        else:
            found = _absolute(tree, some, above)
        if found:
            return found
    return []


def _absolute(tree: Tree, parts: list[str], above: list[str]) -> list[int]:
    """A module by its whole name: wherever a path ends so; of one part alone, in `src` or a folder above.

    Else `import os` would find any os.py. Folders that are packages are not searched: their modules have longer names.
    """
    if len(parts) == 1:
        folders = ["/".join(above[:n]) for n in range(len(above), -1, -1)] + ["src"]
        folders = [folder for folder in folders if f"{folder}/__init__.py".lstrip("/") not in tree.at]
        return tree.first(f"{folder}/{parts[0]}{end}".lstrip("/") for folder in folders for end in PYTHON_ENDINGS)
    ends = PYTHON_ENDINGS if parts else ()
    return next((found for end in ends if (found := tree.ending("/".join(parts) + end, "/".join(above)))), [])


def _class(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Java: the file of the class; for members and inner classes that of the class they are in."""
    parts = name.split(".")
    for some in (parts, parts[:-1], parts[:-2]):
        for end in JAVA_ENDINGS if some else ():
            if found := tree.ending("/".join(some) + end, folder):
                return found
    return []


def _package(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Java: all files of the folders that end so."""
    end = name.replace(".", "/")
    folders = [one for one in tree.by_folder if one == end or one.endswith(f"/{end}")]
    found = [f for one in sorted(folders) for f in tree.by_folder[one] if tree.paths[f].endswith(JAVA_ENDINGS)]
    return found or _class(tree, k, folder, name)


def _header(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """C: beside the file, else wherever a path ends so."""
    beside = posixpath.normpath(posixpath.join(folder, name))
    return tree.first([beside]) or tree.ending(posixpath.normpath(name).lstrip("./"), folder)


def _namespace(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """C#: all files that declare it; of a class (`using static`, aliases) those of the namespace in front."""
    return tree.declared.get(name) or tree.declared.get(name.rpartition(".")[0], [])


def _path(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """JavaScript: relative to the file; `./a.js` may be written in `a.ts`."""
    whole = posixpath.normpath(posixpath.join(folder, name.split("?")[0]))
    bare = posixpath.splitext(whole)[0]
    return tree.first(f"{base}{end}" for base in (whole, bare) for end in SCRIPT_ENDINGS)


def _folder(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Go: all files of the folder that the import path names behind the module's, tests excepted."""
    for entry in tree.modules:
        module, _, root = entry.partition("\n")
        if name == module or name.startswith(f"{module}/"):
            return _go_files(tree, posixpath.join(root, name[len(module) + 1 :]).rstrip("/"))
    parts = name.split("/")
    named = not tree.modules and len(parts) > 2 and parts[2] == tree.name
    return _go_files(tree, "/".join(parts[3:])) if named else []


def _go_files(tree: Tree, folder: str) -> list[int]:
    paths = tree.paths
    return [f for f in tree.by_folder.get(folder, []) if paths[f].endswith(".go") and not paths[f].endswith("_test.go")]


def _mod(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Rust: the file or folder of a module, beside a root or in the folder named as the file."""
    return tree.first(f"{_inside(tree.paths[k])}/{name}{end}".lstrip("/") for end in (".rs", "/mod.rs"))


def _inside(path: str) -> str:
    """The folder of a Rust file's modules."""
    folder, name = posixpath.split(path)
    return folder if name in (*CRATE, "mod.rs") else posixpath.join(folder, name.removesuffix(".rs"))


def _use(tree: Tree, k: int, folder: str, name: str) -> list[int]:
    """Rust: the longest beginning of the path that is a file."""
    parts = name.split("::")
    base: str | None = _inside(tree.paths[k])
    if parts[0] == "crate":
        base = _crate(tree, folder)
    while parts and parts[0] in ("crate", "self", "super"):
        if parts[0] == "super" and base is not None:
            base = posixpath.dirname(base)
        parts = parts[1:]
    if base is None:
        return []
    for n in range(len(parts), 0, -1):
        inner = posixpath.join(base, *parts[:n])
        if found := tree.first([f"{inner}.rs", f"{inner}/mod.rs"]):
            return found
    return []


def _crate(tree: Tree, folder: str) -> str | None:
    """The nearest folder above that has a crate's root."""
    while True:
        if any(posixpath.join(folder, name) in tree.at for name in CRATE):
            return folder
        if not folder:
            return None
        folder = posixpath.dirname(folder)


FIND = {
    "module": _module, "class": _class, "package": _package, "header": _header, "namespace": _namespace,
    "path": _path, "folder": _folder, "mod": _mod, "use": _use,
}  # fmt: skip
"""By what was said: the files that are meant."""

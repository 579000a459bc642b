"""Every console command of the documentation runs in a fresh folder and prints what its page says.

What stands in a comment before a fenced block counts for that block:

    <!-- file: NAME -->       the block is written to that file
    <!-- status: N -->        the block's last command ends with this exit status, not with 0
    <!-- exact -->            figures must agree too; elsewhere any number stands for any other
    <!-- not run: REASON -->  the block is only shown

A line of output must appear, after the line before it; `…` stands for whatever is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"((?:<!--[^\n]*-->\n)*)\n?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("make", "git", "cd")
"""Commands that are not run here: `make` is what runs these tests, the others need a clone."""


@dataclass
class Command:
    """One command of a page, and the output that the page shows."""

    line: str
    exact: bool
    status: int = 0
    output: list[str] = field(default_factory=list)


@dataclass
class File:
    """A file that a page shows."""

    name: str
    text: str


def steps(text: str) -> list[Command | File]:
    """Files and commands of a page, in order."""
    found: list[Command | File] = []
    for comments, language, body in BLOCK.findall(text):
        says = {name: value.strip() for name, value in re.findall(r"<!-- ([\w ]+?)(?::(.*?))? -->", comments)}
        if "not run" in says:
            continue
        if "file" in says:
            found.append(File(says["file"], body))
        elif language == "console":
            commands = _commands(body, "exact" in says)
            commands[-1].status = int(says.get("status", 0))
            found += commands
    return found


def _commands(body: str, exact: bool) -> list[Command]:
    commands: list[Command] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:], exact))
        elif commands[-1].line.endswith("\\"):
            commands[-1].line = commands[-1].line[:-1] + line.removeprefix("> ")
        elif line.strip(" …"):
            commands[-1].output.append(line)
    return commands


def plain(line: str, exact: bool) -> str:
    """A line with white space made even and, unless figures count, every number and key made the same."""
    line = " ".join(line.split())
    return line if exact else re.sub(r"\b[0-9a-f]{16}\b|\d[\d,.]*", "0", line)


def missing(command: Command, printed: str) -> str | None:
    """The first line of the page that the command did not print, or None."""
    lines = iter([plain(line, command.exact) for line in printed.splitlines()])
    for line in command.output:
        parts = [re.escape(part.strip()) for part in plain(line, command.exact).split("…")]
        pattern = re.compile(".*".join(parts))
        if not any(pattern.fullmatch(candidate) for candidate in lines):
            return line
    return None


def test_a_line_that_is_not_printed_is_noticed() -> None:
    page = "<!-- exact -->\n```console\n$ a\none 1\n…\ntwo … 2\n```\n\n```console\n$ b\none 1\n```\n"
    exact, loose = steps(page)
    assert isinstance(exact, Command) and isinstance(loose, Command)
    assert missing(exact, "one 1\nx\ntwo, that is 2\n") is None
    assert missing(exact, "one 2\ntwo, that is 2\n") == "one 1"
    assert missing(exact, "two, that is 2\none 1\n") == "two … 2"
    assert missing(loose, "one 2\n") is None
    assert missing(loose, "two 1\n") == "one 1"


def test_comments_and_files_are_read() -> None:
    page = "<!-- file: a.txt -->\n```text\nhello\n```\n\n<!-- status: 3 -->\n```console\n$ a \\\n> b\n$ c\n```\n"
    page += "<!-- not run: why -->\n```console\n$ d\n```\n"
    assert steps(page) == [File("a.txt", "hello\n"), Command("a b", False), Command("c", False, 3)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working copy: the sample and the recipes."""
    (tmp_path / "sample").symlink_to(ROOT / "sample")
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    return tmp_path


def _pages() -> list[Path]:
    return [page for page in PAGES if any(isinstance(s, Command) and _here(s) for s in steps(page.read_text("utf-8")))]


def _here(command: Command) -> bool:
    return command.line.split()[0] not in ELSEWHERE


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    for step in steps(page.read_text("utf-8")):
        if isinstance(step, File):
            (folder / step.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.name).write_text(step.text, encoding="utf-8")
        elif _here(step):
            ran = subprocess.run(
                ["bash", "-c", step.line], cwd=folder, env=environment, timeout=180, text=True, encoding="utf-8",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert _status(ran.returncode) == step.status, f"$ {step.line}\n{ran.stdout}"
            lacks = missing(step, ran.stdout)
            assert lacks is None, f"$ {step.line}\ndid not print: {lacks}\nbut:\n{ran.stdout}"


def _status(code: int) -> int:
    """The exit status as a shell says it: 128 and the signal, when one ended the command."""
    return 128 - code if code < 0 else code


def test_readme_shows_the_funnel_of_the_tutorial() -> None:
    shown = [_funnel((ROOT / name).read_text("utf-8")) for name in ("README.md", "docs/tutorial.md")]
    assert shown[0] and shown[0] == shown[1]


def _funnel(text: str) -> str:
    return text[text.index("stage                    in") :].partition("\n\n")[0].partition("07-mixture")[0]


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken

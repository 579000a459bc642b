"""Errors that a user can fix. Every message ends in what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CurateError(Exception):
    """Base of the errors a user can fix; the CLI prints them without a traceback and exits with `exit_code`."""

    exit_code = 1


class RecipeError(CurateError):
    """The recipe (or the command line, which is a small recipe) says something that cannot be run."""

    exit_code = 2


class InputError(CurateError):
    """A file or folder that was named cannot be read or written."""

    exit_code = 3


class TaskError(CurateError):
    """Some tasks failed; what they finished is kept and the next run goes on from there."""

    exit_code = 4


class QuarantineError(CurateError):
    """More of the input was unusable than the recipe's `quarantine_limit` allows."""

    exit_code = 5


class GuardError(CurateError):
    """A stage would remove so much of a source that something is probably wrong."""

    exit_code = 7


class Stopped(BaseException):
    """The user stopped the run. No error: nothing that handles errors of a task or a document may swallow it."""

    exit_code = 130


class LedgerError(CurateError):
    """The books of a stage do not balance: a bug in that stage, never in the data."""

    exit_code = 6


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known word; empty when none is near."""
    near = get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else ""


KNOWN = 100
"""Most known words that a message lists; sources may be thousands."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known word, or the known ones when none is near."""
    known = sorted(set(known))
    more = f" and {len(known) - KNOWN:,} more" if len(known) > KNOWN else ""
    return nearest(word, known) or (f"Known: {', '.join(known[:KNOWN])}{more}." if known else "")


def plural(count: int, noun: str) -> str:
    """1 task, 2 tasks."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")

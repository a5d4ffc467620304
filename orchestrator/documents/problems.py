"""Gather the problems of one document, bounded in number and in what is spent on hints."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from headrace.wording import MOST_CANDIDATES, did_you_mean, quoted
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, Problem, ProblemKind

_MAX_HINTS = 20
#: Characters of all candidates that one document's hints look at.
_MAX_LOOKED_AT = 50_000


class Findings:
    """The problems found so far.

    is_stored  the document was accepted before: a rule that was added since does not apply to it.
    """

    __slots__ = ("characters_left", "hints_left", "is_stored", "left_out", "limits", "problems")

    def __init__(self, limits: Limits, *, is_stored: bool = False) -> None:
        self.limits = limits
        self.is_stored = is_stored
        self.problems: list[Problem] = []
        self.left_out = 0
        self.hints_left = _MAX_HINTS
        self.characters_left = _MAX_LOOKED_AT

    @property
    def full(self) -> bool:
        """Whether further problems would only be counted."""
        return len(self.problems) >= self.limits.max_problems

    def add(
        self, path: str, code: str, message: str, hint: str | None = None, *, kind: ProblemKind = "shape"
    ) -> None:
        """Note a problem."""
        self.take(Problem(path, code, message, hint, kind))

    def take(self, problem: Problem) -> None:
        """Note a problem found elsewhere."""
        if self.full:
            self.left_out += 1
        else:
            self.problems.append(problem)

    def did_you_mean(self, word: str, candidates: Collection[str]) -> str | None:
        """Hint at the word that was probably meant. Comparing is slow, so only the first problems get it."""
        if self.hints_left <= 0 or len(candidates) > MOST_CANDIDATES:
            return None
        self.hints_left -= 1
        self.characters_left -= sum(map(len, candidates))
        if self.characters_left < 0:
            return None
        return did_you_mean(word, candidates)

    def raise_any(self) -> None:
        """Raise DefinitionInvalid if anything was found."""
        if not self.problems:
            return
        if self.left_out:
            message = f"and {self.left_out:,} more problems"
            self.problems.append(Problem("", "more_problems", message, kind=self.problems[0].kind))
        raise DefinitionInvalid(self.problems)


def no_workflow(document: Any) -> str:
    """Say what a document is that is no object, and so no workflow; one without content is null."""
    if document is None:
        return "the document is empty; a workflow is an object with a name and nodes"
    return f"a workflow must be an object, got {quoted(document)}"


def joined(words: Collection[str], most: int = 20) -> str:
    """Write a list of names, the first ones only when there are many."""
    names = list(words)[:most]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(names) + more

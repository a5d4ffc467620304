"""The verbs of those who run executions: pause and resume the whole, end or hurry one unit by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from orchestrator.budgets import NO_CAPS, Caps
from orchestrator.courier import Argument, Call
from orchestrator.replies import read_words
from orchestrator.verbs import Verbs

Word = Literal["complete", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class ByHand:
    """A request of an operator about one unit, so that it is taken once.

    attempt  the attempt number it is meant for; None for any.
    key      names the request, a hex digest; digest, of what it carries.
    call_id  new for every call of ours, so that a call sent again is told from a request made again.
    said     JSON: by whom, and why.
    """

    attempt: int | None
    key: str
    digest: str
    call_id: str
    said: bytes

    def arguments(self) -> tuple[Argument, ...]:
        attempt: Argument = "" if self.attempt is None else self.attempt
        return (attempt, self.key, self.digest, self.call_id, self.said)


class InterventionVerbs(Verbs):
    """Pause, resume, override, hurry."""

    def pause_execution(
        self, execution_id: str, *, by: bytes, reason: bytes, request: str
    ) -> Call[list[Any]]:
        """Start nothing more until a resume; by, reason: JSON. Replies [word, status]."""
        return self._call("pause_execution", execution_id, (by, reason, request), read_words)

    def resume_execution(
        self, execution_id: str, *, by: bytes, reason: bytes, request: str, budget: Caps = NO_CAPS
    ) -> Call[list[Any]]:
        """Go on with what was held, in order. Replies [word, status, more].

        budget  what its calls to paid services may use from now on; None leaves a limit as it was.
        """
        told = b"" if budget == NO_CAPS else orjson.dumps(budget.to_dict())
        arguments: tuple[Argument, ...] = (by, reason, request, *budget.words().split(), told)
        return self._call("resume_execution", execution_id, arguments, read_words)

    def override_node(
        self,
        execution_id: str,
        unit: str,
        word: Word,
        payload: bytes,
        *,
        by_hand: ByHand,
        not_taken: tuple[str, ...] = (),
    ) -> Call[list[Any]]:
        """End a unit as an operator says; payload: output or error, JSON.

        Replies [word, status, attempt, more].
        """
        arguments = (unit, *by_hand.arguments(), word, payload, " ".join(not_taken))
        return self._call("override_node", execution_id, arguments, read_words)

    def hurry_node(self, execution_id: str, unit: str, *, by_hand: ByHand) -> Call[list[Any]]:
        """End the wait of a unit now. Replies [word, status, attempt, more]."""
        return self._call("hurry_node", execution_id, (unit, *by_hand.arguments()), read_words)

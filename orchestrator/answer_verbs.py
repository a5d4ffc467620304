"""The verbs of nodes that wait for somebody outside: signals and approvals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.courier import Argument, Call
from orchestrator.replies import Ended, read_words
from orchestrator.states import WaitingOn
from orchestrator.verbs import Holding, Take, Verbs

Decision = Literal["approve", "deny"]


@dataclass(frozen=True, slots=True)
class Wait:
    """What a node waits for, and what becomes of it.

    awaits       name of the signal, or hash of what the people asked are shown.
    ask          all about it, JSON: what the answer is checked by, and what is shown.
    timeout_ms   from now; None waits for ever.
    is_fatal     whether the time limit fails the node, with `late` as its error; else `late` is its output.
    late         JSON.
    crowded      the error, JSON, if too many nodes of the execution wait for the same name.
    unless_late, if_late   branch targets left aside when the answer comes, and when it does not.
    """

    on: WaitingOn
    awaits: str
    ask: bytes
    timeout_ms: int | None
    is_fatal: bool
    late: bytes
    crowded: bytes
    quorum: int = 1
    unless_late: tuple[str, ...] = ()
    if_late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A request from outside, so that it is taken once.

    key      names it, a hex digest.
    digest   of what it carries: another one under the same key is refused.
    call_id  new for every call of ours, so that a call sent again is told from a request made again.
    """

    key: str
    digest: str
    call_id: str


class AnswerVerbs(Verbs):
    """Park, and answer."""

    def await_node(self, holding: Holding, wait: Wait, *, take: Take | None = None) -> Call[Ended]:
        """Park a node until somebody outside answers; a signal kept for it is handed over at once."""
        return self._end(
            "await_node", holding, take, str(wait.on), wait.awaits, wait.ask,
            "" if wait.timeout_ms is None else wait.timeout_ms, "fail" if wait.is_fatal else "complete",
            wait.late, wait.quorum, " ".join(wait.unless_late), " ".join(wait.if_late), wait.crowded,
        )  # fmt: skip

    def signal_execution(
        self, execution_id: str, name: str, payload: bytes, *, request: Request, waiting: bytes
    ) -> Call[list[Any]]:
        """Deliver a signal, or keep it. `waiting`: who waits for it, as read when the payload was checked.

        Replies [word, status, nodes it was given to, more].
        """
        arguments: tuple[Argument, ...] = (
            name, payload, request.key, request.digest, request.call_id, waiting,
        )  # fmt: skip
        return self._call("signal_execution", execution_id, arguments, read_words)

    def decide_approval(
        self,
        execution_id: str,
        node_id: str,
        *,
        shown: str,
        decision: Decision,
        by: bytes,
        voter: str,
        form: bytes,
        request: Request,
    ) -> Call[list[Any]]:
        """Record what one person decided. by, form: JSON; voter: hex digest of `by`.

        Replies [word, replayed, text, approvals so far, more].
        """
        arguments = (
            node_id, shown, decision, by, voter, form, request.key, request.digest, request.call_id,
        )  # fmt: skip
        return self._call("decide_approval", execution_id, arguments, read_words)

"""What a handler sees of its attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from headrace.wording import unknown_attribute

if TYPE_CHECKING:
    import asyncio

    from headrace.durable import Inbox, Journal
    from headrace.tools import Containers, Http, Llm

LogLevel = Literal["debug", "info", "warning", "error"]
#: What others look for in a context, and where it is here.
_ELSEWHERE = {
    "secrets": "a secret comes in the config, by `{{ secrets.NAME }}` in a field of @handler(…, secrets=(…))",
    "config": "the config is the first argument of the handler",
    "logger": "write context.log(message)",
    "output": "the handler returns its output",
}
LOG_LEVELS: frozenset[str] = frozenset({"debug", "info", "warning", "error"})


def share_of(fraction: Any) -> float | None:
    """Read how far the work is, from 0 to 1; None where that is not known. Raises TypeError for no number."""
    if fraction is None or fraction != fraction:
        return None
    try:
        return min(1.0, max(0.0, float(fraction)))
    except (TypeError, ValueError):
        hint = "progress(None, message) reports a message alone"
        raise TypeError(
            f"progress takes a number from 0 to 1, or None, got {fraction!r:.80}; {hint}"
        ) from None


def no_part_of_it(name: str) -> AttributeError:
    """The error of a name that no context has, with where what was meant is."""
    methods = [each for each in vars(Context) if not each.startswith("_")]
    return unknown_attribute("the context", name, [*Context.__annotations__, *methods], _ELSEWHERE)


class Context(Protocol):
    """One attempt, seen from inside the handler. Its methods may be called from any thread.

    execution_id    the execution.
    node_id         the node, or the item of a mapped one: `ask[3]`.
    attempt         the fence: raised each time the node is queued, lost workers included.
    try_number      the charged try, from 1: what a retry policy counts.
    inputs          of the execution.
    now_ms          fixed at the start of the attempt, Unix epoch.
    last_heartbeat  details of the last heartbeat of an attempt before this one; None when there were none.
    cancelled       set when the work is no longer wanted; async handlers may wait for it.
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_part_of_it(name)

    execution_id: str
    node_id: str
    attempt: int
    try_number: int
    inputs: Mapping[str, Any]
    now_ms: int
    last_heartbeat: Any
    cancelled: asyncio.Event

    @property
    def idempotency_key(self) -> str:
        """Names the work, not the attempt: equal over retries, so that a service can recognise a repeat."""

    @property
    def environment(self) -> str:
        """`development` or `production`."""

    @property
    def http(self) -> Http:
        """The guarded HTTP client of the worker: `await context.http.request("GET", url)`.

        In a plain function the call itself waits, as do those of the other two: `context.http.request(…)`.
        """

    @property
    def llm(self) -> Llm:
        """The language model of the worker: `await context.llm.complete(prompt)`."""

    @property
    def containers(self) -> Containers:
        """The runner of containers of the worker: `await context.containers.run(image, args=[…])`."""

    @property
    def journal(self) -> Journal:
        """What this node has written down of its work. Raises Terminal in a handler that is not durable."""

    @property
    def inbox(self) -> Inbox:
        """The letters to this node. Raises Terminal in a handler that is not durable."""

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        """Write a line to the execution's history, as a `node.log` event."""

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        """Report how far the work is, from 0 to 1 (None: unknown), as a `node.progress` event."""

    def token(self, text: str) -> None:
        """Stream a piece of the answer to those who watch, as part of a `node.token` event.

        The pieces of an attempt, one after the other, should be what its output holds as text. When another
        attempt begins, watchers get a `stream.reset` and drop them.
        """

    def reset_stream(self, reason: str) -> None:
        """Take back what this attempt has streamed: its answer begins again."""

    def emit(
        self,
        type: str,
        value: Any,
        parents: Sequence[str] = (),
        internal: bool = False,
        repeated: bool = False,
        qualified_name: str | None = None,
    ) -> Awaitable[None]:
        """Write a typed event into the execution's history, as a `node.event`: `await context.emit(…)`.

        Once that returns the event is kept, in its place among all that was reported before; in a sync
        handler the call itself waits. No event is dropped, and none is written twice within an attempt.

        type      a bare name, such as `StreamEvent`; value: JSON of 256 KiB at most.
        parents   names of its parent types; those that the `interface` of the definition declares, if none.
        internal  for those who look at how the work is done, rather than at what it comes to.
        repeated  marks an event that an attempt which was lost may have written before.
        qualified_name  of the class that the type stands for; that which the `interface` declares, if None.
        Raises Terminal: `EventInvalid` for what is no such event, or does not fit the schema that the
        definition declares for the type; `EventsExceeded` beyond 10,000 events of the execution, which then
        fails the attempt in any case; `LeaseLost` when the attempt has been replaced.
        """

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> None:
        """Show that the handler is alive, as often as it likes: nothing is sent for it.

        details  how far it has come, for the attempt that follows should this one not end well: its
                 `last_heartbeat`. At most 16 KiB of JSON. Shown as a `node.progress` event, at most once a
                 second. Raises ValueError for what is no object, no JSON or too large; earlier details
                 stay.
        """

    def is_cancelled(self) -> bool:
        """Whether the work is no longer wanted. A sync handler should look now and then, and return."""

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled once the work is no longer wanted."""

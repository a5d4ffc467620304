"""What nodes do in a simulation: read from the caller, handed to the runner as handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.documents.problems import did_you_mean, quoted
from orchestrator.errors import DefinitionInvalid, ErrorType, NodeError, Problem
from workers.context import HandlerContext
from workers.outcome import Completed, Failed, Outcome, Skipped
from workers.registry import HandlerSpec, find_handler
from workers.simulator.report import without_items
from workers.simulator.stub_signals import (
    Answer,
    SignalAnswer,
    read_decisions,
    read_signal,
    read_signals,
    read_span,
)

#: Handlers that reach nothing outside the engine: in a simulation they run as they are, unless a stub says
#: otherwise. Every other one is stubbed, so that one nobody thought of calls nothing.
REAL = frozenset(
    {"noop", "condition", "switch", "transform", "delay", "sub_workflow", "wait_for_signal", "approval"}
)
_FIELDS = (
    "output", "fail", "error", "message", "retryable", "retry_after", "skip", "duration",
    "signal", "decision",
)  # fmt: skip
_TOP = ("nodes", "handlers", "default", "signals")
#: No item: the unit is a node.
NO_ITEM: Any = object()


@dataclass(frozen=True, slots=True)
class Stub:
    """What a node does instead of its handler.

    fail         tries that fail before one succeeds; None: all of them.
    duration_ms  of every try, in virtual time.
    """

    output: Any = None
    has_output: bool = False
    fail: int | None = 0
    error: str = ErrorType.HANDLER_ERROR
    message: str = "a simulated failure"
    retryable: bool = True
    retry_after_ms: int | None = None
    skip: str | None = None
    duration_ms: int = 0
    #: What is said to the node when it waits for somebody outside; None: nobody thought of it.
    answers: tuple[Answer, ...] | None = None
    #: Stubs for items of a map by their value; the first that fits.
    items: tuple[tuple[Any, Stub], ...] = ()

    @property
    def is_handler(self) -> bool:
        """Whether it stands in for the handler, rather than only waits or takes time."""
        return self.has_output or self.fail != 0 or self.skip is not None


@dataclass(frozen=True, slots=True)
class Stubs:
    """Stubs by node id, by handler, and for the rest.

    `node[3]` is one item of a map, `node/inner` a node of the child of a node.
    signals  those that come by the clock.
    """

    nodes: Mapping[str, Stub] = field(default_factory=dict)
    handlers: Mapping[str, Stub] = field(default_factory=dict)
    default: Stub = Stub()
    signals: tuple[SignalAnswer, ...] = ()

    @classmethod
    def from_dict(cls, document: Any) -> Stubs:
        """Read `{nodes: {id: stub}, handlers: {name: stub}, default: stub, signals: […]}`.

        Raises DefinitionInvalid.
        """
        problems: list[Problem] = []
        document = {} if document is None else document
        if not isinstance(document, dict):
            raise DefinitionInvalid(
                [Problem("stubs", "wrong_type", f"'stubs' must be an object, found {quoted(document)}")]
            )
        _refuse_unknown(document, "stubs", _TOP, problems)
        groups: list[dict[str, Stub]] = []
        for name in ("nodes", "handlers"):
            group = {} if document.get(name) is None else document[name]
            if not isinstance(group, dict):
                problems.append(
                    Problem(
                        f"stubs.{name}",
                        "wrong_type",
                        f"'stubs.{name}' must be an object, found {quoted(group)}",
                    )
                )
                group = {}
            groups.append(
                {key: _stub(value, f"stubs.{name}.{key}", problems) for key, value in group.items()}
            )
        default = _stub(document.get("default") or {}, "stubs.default", problems)
        signals = read_signals(document.get("signals") or [], "stubs.signals", problems, _refuse_unknown)
        if problems:
            raise DefinitionInvalid(problems)
        return cls(groups[0], groups[1], default, signals)

    @property
    def look_at_items(self) -> bool:
        """Whether some stub is chosen by the value of an item."""
        every = (*self.nodes.values(), *self.handlers.values(), self.default)
        return any(stub.items for stub in every)

    def of(self, unit: str, handler: str, item: Any = NO_ITEM) -> Stub:
        """The stub of a node or item: its own, its map's, its handler's, the default; of it, the item's."""
        if unit in self.nodes:
            stub = self.nodes[unit]
        else:
            stub = self.nodes.get(without_items(unit)) or self.handlers.get(handler) or self.default
        if item is not NO_ITEM:
            return next((other for wanted, other in stub.items if fits(wanted, item)), stub)
        return stub

    def find(self, handler: str, stub: Stub | None = None) -> HandlerSpec | None:
        """Give the runner a handler of any name, which does as this stub says, or its own."""
        real, given = find_handler(handler), stub

        async def play(config: Mapping[str, Any], context: HandlerContext) -> Any:
            stub = given or self.of(context.node_id, handler)
            if real is not None and is_real(handler) and not stub.is_handler:
                return await real(config, context)
            if real is not None:
                real.read_config(config)  # What the real one would refuse is refused.
            return outcome_of(stub, config, context)

        return HandlerSpec(name=handler, function=play, is_async=True)


def fits(wanted: Any, item: Any) -> bool:
    """Say whether an item is what a stub is for: equal or, of an object, equal in the fields named."""
    if isinstance(wanted, dict) and isinstance(item, dict):
        return all(name in item and fits(value, item[name]) for name, value in wanted.items())
    return type(wanted) is type(item) and bool(wanted == item)


def is_real(handler: str) -> bool:
    """Whether a handler does in a simulation what it always does; those of the engine itself do."""
    return handler in REAL or handler.startswith("$")


def outcome_of(stub: Stub, config: Mapping[str, Any], context: HandlerContext) -> Outcome:
    """What one try of a stubbed node comes to. Pure."""
    if stub.skip is not None:
        return Skipped(stub.skip)
    if stub.fail is None or context.try_number <= stub.fail:
        error = NodeError(
            stub.error, stub.message, stub.retryable, attempt=context.attempt, worker=context.worker_id
        )
        return Failed(error, retry_after_ms=stub.retry_after_ms)
    # The output of a wait stands for a signal that comes, so what belongs to its absence is left aside.
    late = config.get("timeout_branch") or ()
    not_taken = (late,) if isinstance(late, str) else tuple(late)
    output = stub.output if stub.has_output else {"status": "ok", "config": dict(config)}
    return Completed(output, not_taken=not_taken)


def _stub(raw: Any, path: str, problems: list[Problem], *, is_item: bool = False) -> Stub:
    allowed = (*_FIELDS, "match") if is_item else (*_FIELDS, "items")
    if not isinstance(raw, dict):
        problems.append(
            Problem(
                path,
                "wrong_type",
                f"'{path}' must be an object with {', '.join(allowed)}, found {quoted(raw)}",
            )
        )
        return Stub()
    _refuse_unknown(raw, path, allowed, problems)
    durations = {name: read_span(raw, name, path, problems) for name in ("duration", "retry_after")}
    answers = read_signal(raw.get("signal"), f"{path}.signal", problems, _refuse_unknown)
    decisions = read_decisions(raw.get("decision"), f"{path}.decision", problems, _refuse_unknown)
    if answers is not None and decisions is not None:
        message = f"'{path}' has a signal and a decision; a node waits for one of them"
        problems.append(Problem(path, "bad_value", message))
    if raw.get("skip") is not None and "output" in raw:
        message = f"'{path}' has an output and a skip; a node ends in one of these ways"
        problems.append(Problem(path, "bad_value", message))
    fail = raw.get("fail", 0)
    if not (fail == "always" or (type(fail) is int and fail >= 0)):
        problems.append(
            Problem(
                f"{path}.fail",
                "bad_value",
                f"'{path}.fail' must be a number of tries or 'always', found {quoted(fail)}",
            )
        )
    for name, kind in (("error", str), ("message", str), ("skip", str), ("retryable", bool)):
        if name in raw and not isinstance(raw[name], kind):
            problems.append(
                Problem(
                    f"{path}.{name}",
                    "wrong_type",
                    f"'{path}.{name}' must be {_WORDS[kind]}, found {quoted(raw[name])}",
                )
            )
    plain = {name: raw[name] for name in ("error", "message", "skip", "retryable") if name in raw}
    return Stub(
        **plain,
        output=raw.get("output"),
        has_output="output" in raw,
        fail=None if fail == "always" else fail,
        duration_ms=durations["duration"] or 0,
        retry_after_ms=durations["retry_after"],
        answers=decisions if answers is None else answers,
        items=() if is_item else _item_stubs(raw.get("items"), f"{path}.items", problems),
    )


def _item_stubs(raw: Any, path: str, problems: list[Problem]) -> tuple[tuple[Any, Stub], ...]:
    """Read `items: [{match: value, …stub}]`."""
    rows = [] if raw is None else raw
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "match" in row for row in rows):
        message = f"'{path}' must be a list of stubs, each with the item it is for as 'match'"
        problems.append(Problem(path, "wrong_type", message))
        return ()
    return tuple(
        (row["match"], _stub(row, f"{path}[{index}]", problems, is_item=True))
        for index, row in enumerate(rows)
    )


_WORDS: Mapping[Callable[..., Any], str] = {str: "text", bool: "true or false"}


def _refuse_unknown(
    raw: Mapping[str, Any], path: str, allowed: tuple[str, ...], problems: list[Problem]
) -> None:
    for name in raw:
        if name not in allowed:
            hint = did_you_mean(str(name), allowed)
            message = f"unknown field {str(name)[:80]!r} in '{path}' (allowed: {', '.join(allowed)})"
            problems.append(Problem(f"{path}.{name}", "unknown_field", message, hint))

"""What nodes do in a simulation: read from the caller, handed to the runner as handlers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace import Completed, Skipped
from headrace.registration import HandlerSpec
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import ErrorType, NodeError
from workers.context import HandlerContext
from workers.outcome import Failed, Outcome
from workers.registry import find_handler
from workers.simulator.report import without_items
from workers.simulator.sample_outputs import sample_output
from workers.simulator.stub_signals import (
    Answer,
    SignalAnswer,
    read_decisions,
    read_object,
    read_signal,
    read_signals,
)

#: Handlers that reach nothing outside the engine: in a simulation they run as they are, unless a stub says
#: otherwise. Every other one is stubbed, so that a forgotten one calls nothing.
REAL = frozenset(
    {
        "noop",
        "input",
        "output",
        "fail",
        "condition",
        "switch",
        "transform",
        "emit",
        "delay",
        "sub_workflow",
        "wait_for_signal",
        "approval",
    }
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
    #: What the node gets when it waits for a signal or a decision; None: the stub has none.
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
        findings = Findings(Limits())
        top = read_object({} if document is None else document, "stubs", _TOP, findings)
        stubs = cls()
        if top is not None:
            stubs = cls(
                nodes=_group(top, "nodes"),
                handlers=_group(top, "handlers"),
                default=_stub(top.raw.get("default") or {}, "stubs.default", findings),
                signals=read_signals(top.raw.get("signals"), "stubs.signals", findings),
            )
        findings.raise_any()
        return stubs

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
        """Give the runner a handler of any name that plays this stub, or the one of its unit."""
        real, given = find_handler(handler), stub

        async def play(config: Mapping[str, Any], context: HandlerContext) -> Any:
            stub = given or self.of(context.node_id, handler)
            if real is not None and is_real(handler) and not stub.is_handler:
                return await real(config, context)
            if real is not None:
                real.read_config(config)  # What the real one would refuse is refused.
            return outcome_of(handler, stub, config, context)

        return HandlerSpec(name=handler, function=play, is_async=True)


def fits(wanted: Any, item: Any) -> bool:
    """Whether an item is what a stub is for: equal or, of an object, equal in the fields named."""
    if isinstance(wanted, dict) and isinstance(item, dict):
        return all(name in item and fits(value, item[name]) for name, value in wanted.items())
    return type(wanted) is type(item) and bool(wanted == item)


def is_real(handler: str) -> bool:
    """Whether a handler does in a simulation what it always does; those of the engine itself do."""
    return handler in REAL or handler.startswith("$")


def outcome_of(handler: str, stub: Stub, config: Mapping[str, Any], context: HandlerContext) -> Outcome:
    """What one try of a stubbed node comes to. Pure."""
    if stub.skip is not None:
        return Skipped(stub.skip)
    if stub.fail is None or context.try_number <= stub.fail:
        error = NodeError(
            stub.error, stub.message, stub.retryable, attempt=context.attempt, worker=context.worker_id
        )
        return Failed(error, retry_after_ms=stub.retry_after_ms)
    # The output of a wait stands for a signal that comes, so the branch of its time limit is not taken.
    late = config.get("timeout_branch") or ()
    not_taken = (late,) if isinstance(late, str) else tuple(late)
    output = stub.output if stub.has_output else sample_output(handler, config)
    return Completed(output, not_taken=not_taken)


def _group(top: Fields, name: str) -> dict[str, Stub]:
    """Read `{key: stub}`."""
    group, path = top.raw.get(name), top.where(name)
    if group is None:
        return {}
    if not isinstance(group, dict):
        top.wrong(name, "an object", group)
        return {}
    return {key: _stub(raw, f"{path}.{key}", top.findings) for key, raw in group.items()}


def _stub(raw: Any, path: str, findings: Findings, *, is_item: bool = False) -> Stub:
    allowed = (*_FIELDS, "match" if is_item else "items")
    fields = read_object(raw, path, allowed, findings)
    if fields is None:
        return Stub()
    texts = {name: fields.text(name) for name in ("error", "message", "skip")}
    has_output = "output" in fields.raw
    if has_output and texts["skip"] is not None:
        message = f"'{path}' has an output and a skip; a node ends in one of these ways"
        findings.add(path, "bad_value", message)
    return Stub(
        **{name: text for name, text in texts.items() if text is not None},
        output=fields.raw.get("output"),
        has_output=has_output,
        fail=_fail(fields),
        retryable=fields.flag("retryable", default=True),
        retry_after_ms=fields.duration("retry_after", minimum_ms=0),
        duration_ms=fields.duration("duration", minimum_ms=0) or 0,
        answers=_answers(fields),
        items=() if is_item else _item_stubs(fields.raw.get("items"), f"{path}.items", findings),
    )


def _fail(fields: Fields) -> int | None:
    """Read how many tries fail; None: all of them."""
    fail = fields.raw.get("fail")
    if fail is None:
        return 0
    if fail == "always":
        return None
    if type(fail) is not int or fail < 0:
        fields.wrong("fail", "a number of tries or 'always'", fail, code="bad_value")
        return 0
    return fail


def _answers(fields: Fields) -> tuple[Answer, ...] | None:
    """Read what a waiting node gets: a signal or decisions."""
    signal = read_signal(fields.raw.get("signal"), fields.where("signal"), fields.findings)
    decisions = read_decisions(fields.raw.get("decision"), fields.where("decision"), fields.findings)
    if signal is not None and decisions is not None:
        message = f"'{fields.path}' has a signal and a decision; a node waits for one of them"
        fields.findings.add(fields.path, "bad_value", message)
    return decisions if signal is None else signal


def _item_stubs(raw: Any, path: str, findings: Findings) -> tuple[tuple[Any, Stub], ...]:
    """Read `items: [{match: value, …stub}]`."""
    rows = [] if raw is None else raw
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "match" in row for row in rows):
        message = f"'{path}' must be a list of stubs, each with the item it is for as 'match'"
        findings.add(path, "wrong_type", message)
        return ()
    return tuple(
        (row["match"], _stub(row, f"{path}[{index}]", findings, is_item=True))
        for index, row in enumerate(rows)
    )

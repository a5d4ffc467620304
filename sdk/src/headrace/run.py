"""Run and AsyncRun: a handle on one execution."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from headrace.api.approvals import Approvals
from headrace.api.executions import Executions
from headrace.api.inboxes import Inboxes
from headrace.api.signals import Signals
from headrace.api.workflows import Workflows
from headrace.calls import (
    Async,
    Definition,
    History,
    Part,
    Steps,
    Sync,
    Way,
    operation,
    path_of,
    stream,
)
from headrace.errors import NotFound, NotSendable, RunFailed, RunNotEnded
from headrace.records import Decision, Posted, Signalled
from headrace.sendable import OF_A_FILE
from headrace.values import Acted, Execution, Explanation, Node, Rerun

M = TypeVar("M")

#: The longest that the server holds one request back.
LONGEST_WAIT_S = 60


def start(
    workflow: Definition,
    inputs: Mapping[str, Any] | None,
    *,
    version: int | None,
    trigger: Mapping[str, Any] | None,
    key: str | None,
    labels: Mapping[str, str] | None,
    wait: int | None,
    idempotency_key: str | None,
) -> Steps[str]:
    """Start an execution of a registered workflow, by name or id, or of a definition; gives its id."""
    common: dict[str, Any] = {
        "inputs": inputs,
        "labels": labels,
        "execution_key": key,
        "wait_s": wait,
        "idempotency_key": idempotency_key,
    }
    if isinstance(workflow, str) and "\n" not in workflow:
        if "/" in workflow:
            raise NotSendable(f"no workflow can have the name {workflow!r}; {OF_A_FILE}")
        created = yield from Workflows.start.steps(workflow, version=version, trigger=trigger, **common)
    else:
        if version is not None:
            raise NotSendable("a definition has no versions; version is for a workflow that is registered")
        started_by = True if trigger is None else trigger
        created = yield from Executions.run.steps(workflow, trigger=started_by, **common)
    return created.execution_id


class RunCalls(Part[Way]):
    """What can be asked of one execution.

    id  of the execution, or its key.
    """

    def __init__(self, way: Way, execution_id: str) -> None:
        super().__init__(way)
        self.id = execution_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    @operation
    def view(self) -> Steps[Execution]:
        """The execution as it is now, with its nodes."""
        return (yield from Executions.get.steps(self.id))

    @operation
    def nodes(self) -> Steps[tuple[Node, ...]]:
        """Its nodes as they are now, in definition order."""
        return (yield from Executions.get.steps(self.id)).nodes

    @operation
    def outputs(self) -> Steps[dict[str, Any]]:
        """What its nodes gave so far, by node id, whole; `{}` for a node without an output."""
        return (yield from Executions.results.steps(self.id))

    @operation
    def explain(self) -> Steps[tuple[Explanation, ...]]:
        """What each unfinished node waits for, and what wakes it."""
        return (yield from Executions.explain.steps(self.id))

    @stream
    def events(self, *, after: int = 0, give_up_after_s: float | None = 60.0) -> History:
        """Every event once, in order, from the one after `after` until the execution has ended.

        Broken streams are resumed at the seq read last.
        give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
        """
        return History(path_of("executions", self.id, "events"), after, give_up_after_s)

    @operation
    def signal(
        self, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> Steps[Signalled]:
        """Send a signal; the answer says how many nodes had waited for it, and whether it is kept."""
        return (yield from Signals.send.steps(self.id, name, payload, idempotency_key=idempotency_key))

    @operation
    def post(self, node_id: str, payload: Any = None, *, idempotency_key: str | None = None) -> Steps[Posted]:
        """Post a letter to a node, whatever it is doing; the answer has the letter's number."""
        return (yield from Inboxes.post.steps(self.id, node_id, payload, idempotency_key=idempotency_key))

    @operation
    def approve(self, node_id: str, *, by: str, form: Any = None) -> Steps[Decision]:
        """Approve what the node asks now. Raises Conflict after another decision.

        by    who decides; form: answers to the form that it shows.
        """
        return (yield from _decide(self.id, node_id, "approve", by=by, form=form))

    @operation
    def deny(self, node_id: str, *, by: str, form: Any = None) -> Steps[Decision]:
        """Deny what the node asks now. Raises Conflict after another decision."""
        return (yield from _decide(self.id, node_id, "deny", by=by, form=form))

    @operation
    def cancel(self, *, reason: str | None = None, grace: float | str | None = None) -> Steps[Acted]:
        """Cancel it; running attempts may end within the grace (seconds, or `30s`), 30 s without one."""
        return (yield from Executions.cancel.steps(self.id, reason=reason, grace=grace))

    @operation
    def pause(self, *, by: str | None = None, reason: str | None = None) -> Steps[Acted]:
        """Start nothing more of it until it is resumed."""
        return (yield from Executions.pause.steps(self.id, by=by, reason=reason))

    @operation
    def resume(self, *, by: str | None = None, reason: str | None = None) -> Steps[Acted]:
        """Go on after a pause."""
        return (yield from Executions.resume.steps(self.id, by=by, reason=reason))

    @operation
    def retry(self, *, nodes: Sequence[str] | None = None) -> Steps[Rerun]:
        """Run the failed part again, in place. nodes: only these, and all behind them."""
        return (yield from Executions.retry.steps(self.id, nodes=nodes))


class Run(RunCalls[Sync]):
    """A handle on one execution."""

    @overload
    def result(self, timeout: float | None = None, as_: None = None) -> Any: ...
    @overload
    def result(self, timeout: float | None = None, *, as_: type[M]) -> M: ...
    def result(self, timeout: float | None = None, as_: type[M] | None = None) -> Any:
        """Wait for its end and give its result: the workflow's `output`; without one, outputs by node id.

        timeout  seconds to wait, rounded up to whole ones; None: for ever.
        as_      a pydantic model or a dataclass to read the result into.
        Raises RunFailed when it has FAILED or was CANCELLED, and RunNotEnded after the timeout.
        """
        value = self._way.run(_result(self.id, timeout))
        return value if as_ is None else read_as(as_, value)


class AsyncRun(RunCalls[Async]):
    """A handle on one execution, for coroutines."""

    @overload
    async def result(self, timeout: float | None = None, as_: None = None) -> Any: ...
    @overload
    async def result(self, timeout: float | None = None, *, as_: type[M]) -> M: ...
    async def result(self, timeout: float | None = None, as_: type[M] | None = None) -> Any:
        """Wait for its end and give its result, as Run.result does."""
        value = await self._way.run(_result(self.id, timeout))
        return value if as_ is None else read_as(as_, value)


def read_as(kind: type[M], value: Any) -> M:
    """Read JSON into a pydantic model or a dataclass. Raises what the model raises, and TypeError."""
    if callable(validate := getattr(kind, "model_validate", None)):
        made: M = validate(value)
        return made
    if dataclasses.is_dataclass(kind):
        known = {field.name for field in dataclasses.fields(kind) if field.init}
        if not isinstance(value, dict):
            raise TypeError(f"the result is no object, so it is no {kind.__name__}")
        return kind(**{name: item for name, item in value.items() if name in known})
    raise TypeError(f"as_ must be a pydantic model or a dataclass, not {kind!r}")


def _result(execution_id: str, timeout_s: float | None) -> Steps[Any]:
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left_s = LONGEST_WAIT_S if until_s is None else until_s - time.monotonic()
        # Rounded up: without a wait the server answers at once, and would be asked again at once.
        wait_s = math.ceil(max(0.0, min(LONGEST_WAIT_S, left_s)))
        view = yield from Executions.get.steps(execution_id, wait_s=wait_s or None)
        if view.is_terminal:
            break
        if until_s is not None and time.monotonic() >= until_s:
            assert timeout_s is not None
            raise RunNotEnded(execution_id, view.status, timeout_s)
    if view.status != "COMPLETED":
        error, causes = view.error or view.output_error, view.root_causes
        raise RunFailed(view.execution_id, view.status, reason=view.reason, error=error, causes=causes)
    try:
        return (yield from Executions.output.steps(execution_id))
    except NotFound:
        return (yield from Executions.results.steps(execution_id))


def _decide(
    execution_id: str, node_id: str, decision: Literal["approve", "deny"], *, by: str, form: Any
) -> Steps[Decision]:
    asked = yield from Approvals.get.steps(execution_id, node_id)
    return (
        yield from Approvals.decide.steps(
            execution_id, node_id, decision, by=by, shown=asked.shown, form=form
        )
    )

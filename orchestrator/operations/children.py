"""Child executions: started, retried and read by the attempt whose node has asked for them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from orchestrator.definitions.cache import DefinitionCache
from orchestrator.definitions.compiler import compile_stored, version_of
from orchestrator.definitions.definition import OUTPUT, CatalogueMaker, Definition
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.errors import (
    ConfigError,
    ErrorType,
    ExecutionNotFound,
    InvalidTransition,
    NodeError,
    PayloadTooLarge,
    WorkflowNotFound,
)
from orchestrator.execution.counters import is_handled
from orchestrator.execution.model import Execution
from orchestrator.operations.executions import Executions
from orchestrator.operations.origin import NO_ORIGIN, Origin, has_id_shape, workflow_origin
from orchestrator.operations.owner import AnyOwner
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Compiled, Submissions, sorted_json
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus
from orchestrator.store.layout import Field, lay_out
from orchestrator.store.reader import SLICE, Store
from orchestrator.store.requests import Child
from orchestrator.store.script_client import retry_while_unavailable
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of

#: Compiled definitions of children kept, by version.
KEPT = 64
#: Failed nodes that the error of a unit names.
MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """The child execution a unit asks for.

    inputs      JSON with sorted keys.
    origin      its workflow and labels.
    is_payload  they are `trigger.payload`, too.
    """

    compiled: Compiled
    inputs: bytes
    origin: Origin = NO_ORIGIN
    is_payload: bool = False

    def is_met_by(self, child: Execution) -> bool:
        """Say whether an execution runs the same definition with the same inputs."""
        return (
            child.version == self.compiled.definition.version
            and sorted_json(child.inputs or {}) == self.inputs
        )


class Children:
    """Starts child executions, retries them in place and reads their outputs and errors.

    catalogue, limits  for definitions rendered in the run, which no submission has checked; see Submissions.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        catalogue: CatalogueMaker,
        limits: Limits,
        checks: SchemaChecks | None = None,
    ) -> None:
        submissions = Submissions(store, transitions, catalogue=catalogue, limits=limits, checks=checks)
        self.store = store
        self._transitions = transitions
        self._submissions = submissions
        self._executions = Executions(store, transitions, submissions, AnyOwner(store))
        self._cache = DefinitionCache[str, Compiled](max_entries=KEPT)
        self._registered = Registered(store)
        self._most_levels = limits.max_sub_workflow_depth

    async def find(self, execution_id: str, unit: str) -> Execution | None:
        """Find the child a unit started last; None if it has started none, or that was purged."""
        child_id = await self.store.child_id(execution_id, unit)
        return await self.store.execution(child_id) if child_id else None

    async def request(
        self,
        workflow: dict[str, Any] | str,
        *,
        inputs: Mapping[str, Any],
        version: int | str | None,
        tenant_of: str,
        is_checked: bool,
        inputs_as_payload: bool = False,
    ) -> ChildRequest:
        """Compile the definition a unit asks for, and check its inputs.

        workflow   a definition, name or id of a registered workflow, or the id of an execution that runs it.
        version    number of a version of a registered workflow, or the `version` any definition must have.
        tenant_of  the execution that asks; what belongs to other tenants is unknown to it.
        is_checked whether the definition was checked when its parent was submitted.
        Raises ConfigError, DefinitionInvalid, InputsInvalid.
        """
        origin = NO_ORIGIN
        number = version if isinstance(version, int) else None
        if isinstance(workflow, str) and not has_id_shape(workflow):
            compiled, origin = await self._of_registry(workflow, number, tenant_of)
        elif number is not None:
            raise ConfigError(
                f"'version' is {number}; versions with numbers are those of registered workflows"
            )
        elif isinstance(workflow, dict):
            compiled = (
                self._stored(workflow) if is_checked else await self._submissions.compile(workflow, None)
            )
        else:
            source, parent = await self.store.executions([workflow, tenant_of])
            text = await self.store.definition_text(workflow)
            if source is None or parent is None or text is None or source.tenant != parent.tenant:
                raise ConfigError(f"'{workflow[:200]}' is no execution whose definition could be run")
            compiled = self._stored(orjson.loads(text), text)
        found = compiled.definition.version
        if isinstance(version, str) and version != found:
            raise ConfigError(f"the workflow has the version {found}, wanted is {version[:200]}")
        values = await self._submissions.checks.inputs(compiled.definition.inputs_schema, dict(inputs))
        return ChildRequest(compiled, sorted_json(values), origin, inputs_as_payload)

    async def _of_registry(
        self, workflow: str, version: int | None, tenant_of: str
    ) -> tuple[Compiled, Origin]:
        """Find a registered workflow of the parent's tenant. Raises ConfigError."""
        tenant = await self.store.tenant(tenant_of) or DEFAULT_TENANT
        try:
            record = await self._registered.find(tenant, workflow)
            compiled = await self._registered.compiled(record, version)
        except WorkflowNotFound as error:
            raise ConfigError(str(error)) from error
        return compiled, workflow_origin(record, version)

    def _stored(self, document: dict[str, Any], text: bytes | None = None) -> Compiled:
        """Compile what was accepted before; the handlers it needs may come and go."""
        version = version_of(document)
        if kept := self._cache.get(version):
            return kept
        definition = compile_stored(document, self.store.default_retry)
        compiled = Compiled(definition, lay_out(definition), text or orjson.dumps(document))
        return self._cache.put(version, compiled, text_bytes=len(compiled.text))

    async def stage(self, request: ChildRequest, execution_id: str, unit: str, attempt: int) -> Child:
        """Stage every slice of a new child but the last; the verb that starts it writes that one.

        Raises StoreFull, and ConfigError for inputs that have no room in a trigger document.
        """
        compiled, layout, name = request.compiled, request.compiled.layout, request.compiled.definition.name
        child_id = child_id_of(execution_id, unit, attempt)
        if layout.staged or len(layout.statics) > 1:
            tenant = await self.store.tenant(execution_id) or DEFAULT_TENANT
            if layout.staged:
                await self._submissions.layouts.stage(child_id, layout, tenant)
            else:
                # The last slice brings a static layout only where that is in one part.
                await self._submissions.layouts.write(tenant, layout)
        trigger: dict[str, Any] = {"source": "parent", "execution_id": execution_id, "node_id": node_of(unit)}
        if (item := index_of(unit)) is not None:
            trigger["item"] = item
        if request.is_payload:
            trigger["payload"] = exact_json.loads(request.inputs)
        try:
            extra: list[Field] = replace(request.origin, trigger=trigger).fields()
        except PayloadTooLarge as error:
            raise ConfigError(str(error)) from error
        if request.inputs != b"{}":
            extra += ["inputs", request.inputs]
        message = f"the child '{name}' would be more than {self._most_levels} levels below its root execution"
        too_deep = NodeError(ErrorType.CONFIG_ERROR, message, False, attempt=attempt)
        return Child(
            execution_id=child_id,
            definition=compiled.text,
            last=layout.last,
            extra=extra,
            most_levels=self._most_levels,
            too_deep=orjson.dumps(too_deep.to_dict()),
            output=orjson.dumps({"execution_id": child_id, "name": name}),
        )

    async def retry(self, child: Execution, wanted_by: str) -> bool:
        """Retry an ended child in place; False where nothing of it can run again.

        wanted_by  `EXECUTION UNIT ATTEMPT` that asks; refused once that attempt has ended.
        """
        try:
            await self._executions.retry(child.execution_id, generation=child.generation, wanted_by=wanted_by)
        except ExecutionNotFound:
            return False
        except InvalidTransition:
            now = await self.store.execution(child.execution_id)
            # Another request may have retried it meanwhile; it may even have ended again.
            return now is not None and (now.generation != child.generation or not now.status.is_terminal)
        return True

    async def output(self, child: Execution, *, max_bytes: int) -> Any:
        """Read the output of a completed child: its `output`, or the outputs of its nodes by node id.

        What is given is JSON, or made of fragments of it. A node without an output is left out. Stops
        reading once they have more than max_bytes together.
        """
        definition = await self.store.definition(child.execution_id, child.version)
        if definition.output_node is not None:
            return orjson.Fragment(await self.store.output(child.execution_id, OUTPUT) or b"null")
        return await self._outputs(child, definition, max_bytes)

    async def context(self, child: Execution, *, max_bytes: int) -> dict[str, Any]:
        """Read what the templates of a completed child could name, as JSON, bounded as `output` is."""
        definition = await self.store.definition(child.execution_id, child.version)
        outputs = await self._outputs(child, definition, max_bytes)
        trigger = await self.store.payloads.trigger(child.execution_id)
        return {
            "trigger": orjson.Fragment(trigger or b"{}"),
            "steps": {node_id: {"output": output} for node_id, output in outputs.items()},
        }

    async def _outputs(self, child: Execution, definition: Definition, max_bytes: int) -> dict[str, Any]:
        node_ids = [node.id for node in definition.nodes]
        found: dict[str, Any] = {}
        size = first = 0
        while size <= max_bytes and (part := node_ids[first : first + SLICE]):
            first += len(part)
            for node_id, output in (await self.store.outputs(child.execution_id, part)).items():
                if output is not None:
                    size += len(output)
                    found[node_id] = orjson.Fragment(output)
        return found

    async def failure(self, child: Execution) -> NodeError:
        """Describe why a child failed or was cancelled, with its first failed node, or its output."""
        definition = await self.store.definition(child.execution_id, child.version)
        failures = await self._failures(child, definition)
        message = f"child execution {child.execution_id} ('{child.name}') ended {child.status}"
        if child.status is ExecutionStatus.CANCELLED:
            message += f": {child.reason}" if child.reason else ""
        elif child.cancelling is Cancelling.TIMEOUT:
            message += ": it ran longer than its execution_timeout"
        elif failures:
            error = failures[0]["error"] or {}
            node_id = failures[0]["node_id"]
            message += ": its output failed" if node_id == OUTPUT else f": its node '{node_id}' failed"
            message += f" with {error['type']}: {error['message']}" if error else ""
        details = {
            "execution_id": child.execution_id,
            "name": child.name,
            "status": str(child.status),
            "failed": failures[:MOST_FAILURES],
        }
        # What was cancelled on purpose is not retried automatically.
        may_retry = child.status is not ExecutionStatus.CANCELLED
        return NodeError(ErrorType.CHILD_FAILED, message[:2_000], may_retry, details=details)

    async def _failures(self, child: Execution, definition: Definition) -> list[dict[str, Any]]:
        critical = [node for node in definition.nodes if node.critical]
        states = await self.store.nodes(child.execution_id, [node.id for node in critical])
        failed = [
            states[node.id]
            for node in critical
            if states[node.id].status is NodeStatus.FAILED and not is_handled(node, states[node.id])
        ]
        if definition.output_node is not None:
            final = await self.store.output_state(child.execution_id)
            failed += [final] if final is not None and final.status is NodeStatus.FAILED else []
        # The first one in time: what came after it may be its consequence.
        failed.sort(key=lambda state: state.ended_ms or 0)
        return [{"node_id": state.node_id, "error": state.error} for state in failed]


@dataclass(frozen=True, slots=True)
class ChildHandle:
    """A handler's access to the child execution of its node.

    is_checked  the definition stands in the node as it is, and was checked at submission.
    max_bytes   of a node's output.
    """

    children: Children
    execution_id: str
    unit: str
    attempt: int
    is_checked: bool
    max_bytes: int

    async def find(self) -> Execution | None:
        return await retry_while_unavailable(lambda: self.children.find(self.execution_id, self.unit))

    async def request(
        self,
        workflow: dict[str, Any] | str,
        inputs: Mapping[str, Any],
        version: int | str | None,
        *,
        inputs_as_payload: bool = False,
    ) -> ChildRequest:
        return await retry_while_unavailable(
            lambda: self.children.request(
                workflow,
                inputs=inputs,
                version=version,
                tenant_of=self.execution_id,
                is_checked=self.is_checked,
                inputs_as_payload=inputs_as_payload,
            )
        )

    async def stage(self, request: ChildRequest) -> Child:
        return await self.children.stage(request, self.execution_id, self.unit, self.attempt)

    async def retry(self, child: Execution) -> bool:
        wanted_by = f"{self.execution_id} {self.unit} {self.attempt}"
        return await retry_while_unavailable(lambda: self.children.retry(child, wanted_by))

    async def output(self, child: Execution) -> Any:
        return await retry_while_unavailable(lambda: self.children.output(child, max_bytes=self.max_bytes))

    async def context(self, child: Execution) -> dict[str, Any]:
        return await retry_while_unavailable(lambda: self.children.context(child, max_bytes=self.max_bytes))

    async def failure(self, child: Execution) -> NodeError:
        return await retry_while_unavailable(lambda: self.children.failure(child))


def child_id_of(execution_id: str, unit: str, attempt: int) -> str:
    """Derive the id of the child that an attempt starts; equal for every call.

    A UUID of version 8, made of a hash; the partition is the parent's.
    """
    hashed = hashlib.sha256(f"{execution_id}\n{unit}\n{attempt}".encode()).hexdigest()
    variant = "89ab"[int(hashed[16], 16) % 4]
    tail = hashed[20:29] + execution_id[-3:]
    return f"{hashed[:8]}-{hashed[8:12]}-8{hashed[13:16]}-{variant}{hashed[17:20]}-{tail}"

"""`engine.signals`: send signals to the nodes that wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from orchestrator.definitions.branches import WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Definition
from orchestrator.documents import exact_json
from orchestrator.errors import (
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidTransition,
    PayloadInvalid,
    Problem,
    SignalsFull,
    TooBusy,
)
from orchestrator.operations.owner import Owner
from orchestrator.operations.payloads import payload_json
from orchestrator.operations.results import Signalled
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.states import ExecutionStatus, sources_of
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency
from orchestrator.store.transitions import Transitions
from orchestrator.templates.references import is_template

#: Signals one execution keeps for waits to come; the script's own figure.
MOST_KEPT = 100
#: How often a payload is checked again because the set of waiting nodes has changed.
ROUNDS = 20


class Signals:
    """The signals that nodes of executions wait for, by name."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        owner: Owner,
        *,
        checks: SchemaChecks | None = None,
    ) -> None:
        self._checks = checks or SchemaChecks()
        self._store = store
        self._owner = owner
        self._transitions = transitions

    async def send(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency: Idempotency | None = None
    ) -> Signalled:
        """Deliver a signal to every node that waits for its name, or keep it for the first that will.

        payload  JSON, 64 KiB at most. The same idempotency key again gets the same answer.
        Raises ExecutionNotFound, InvalidTransition once the execution has ended, PayloadTooLarge,
        SignalsFull, IdempotencyConflict, and PayloadInvalid, then it is delivered to none: when it does not
        fit what the interface of the definition declares for an event of the name, the schema of a waiting
        node or, where none waits, that of any node of the definition that will wait for the name.
        """
        execution_id = await self._owner.execution(execution_id)
        text = payload_json(payload, "payload")
        idempotency = idempotency or Idempotency.unnamed()
        definition = await self._definition(execution_id)
        declared = await self._declared_problems(definition, name, payload)
        for _ in range(ROUNDS):
            waiting, schemas = await self._store.waits.for_signal(execution_id, name)
            if declared:
                problems = declared
            elif schemas:
                problems = await self._problems(schemas.values(), payload)
            else:
                problems = await self._future_problems(definition, name, payload)
            if problems and not await self._store.waits.knows(execution_id, idempotency.key):
                await self._refuse_ended(execution_id)
                raise PayloadInvalid(problems)
            async with self._transitions.durable():
                word, status, nodes, more = await self._transitions.signal_execution(
                    execution_id, name, text, idempotency=idempotency, waiting=waiting
                )
            if word != "moved":
                break
        else:
            raise TooBusy(f"the set of nodes waiting for signal {name!r} kept changing; try again")
        if word == "unknown":
            raise ExecutionNotFound(execution_id)
        if word in ("terminal", "cancelling"):
            raise _refused(execution_id, "being cancelled" if word == "cancelling" else status)
        if word == "full":
            raise SignalsFull(execution_id, name, MOST_KEPT)
        if word == "conflict":
            raise IdempotencyConflict(idempotency.name)
        if more:
            await self._transitions.drain_worklist(execution_id)
            status = await self._store.status(execution_id) or status
        return Signalled(execution_id, ExecutionStatus(status), nodes, word == "replayed")

    async def _definition(self, execution_id: str) -> Definition | None:
        execution = await self._store.execution(execution_id)
        if execution is None:
            return None
        return await self._store.definition(execution_id, execution.version)

    async def _declared_problems(
        self, definition: Definition | None, name: str, payload: Any
    ) -> list[Problem]:
        """Check a payload by the type of events of its signal's name, if there is one."""
        interface = definition.interface if definition else None
        declared = interface.events.get(name) if interface else None
        if declared is None or declared.schema is None:
            return []
        return await self._checks.problems(declared.schema, payload, "payload")

    async def _future_problems(self, definition: Definition | None, name: str, payload: Any) -> list[Problem]:
        """Check a payload against every node of the definition that will wait for the name.

        Empty when it fits one of them, and where names or schemas are templates, known only in the run.
        """
        if definition is None:
            return []
        found: list[Problem] = []
        for config in (node.config for node in definition.nodes if node.handler == WAIT_FOR_SIGNAL):
            schema = config.get("schema") or {}
            if is_template(config["name"]) or (config["name"] == name and _is_rendered(schema)):
                return []
            if config["name"] == name:
                problems = await self._checks.problems(schema, payload, "payload")
                if not problems:
                    return []
                found = found or problems
        return found

    async def _problems(self, schemas: Iterable[Any], payload: Any) -> list[Problem]:
        """Check a payload against each of the schemas, equal ones once."""
        found: list[Problem] = []
        for schema in {exact_json.dumps(schema): schema for schema in schemas}.values():
            found += await self._checks.problems(schema or {}, payload, "payload")
        return found

    async def _refuse_ended(self, execution_id: str) -> None:
        status = await self._store.status(execution_id)
        if status is None:
            raise ExecutionNotFound(execution_id)
        if status.is_terminal:
            raise _refused(execution_id, status)


def _is_rendered(schema: Any) -> bool:
    """Say whether a run fills in parts of a schema."""
    return is_template(orjson.dumps(schema).decode())


def _refused(execution_id: str, found: str) -> InvalidTransition:
    return InvalidTransition("signal", execution_id, found, sources_of("cancel_execution", "execution"))

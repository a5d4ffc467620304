"""Compiles, deduplicates and stores submissions: all of one, or nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from orchestrator.definitions.cache import DefinitionCache
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import CatalogueMaker, Definition, HandlerNames
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.targets import joined_targets
from orchestrator.definitions.unknown_inputs import unknown_inputs
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.errors import (
    DefinitionInvalid,
    ExecutionKeyTaken,
    IdempotencyConflict,
    TooBusy,
    WorkflowChanged,
)
from orchestrator.execution.inventory import Announced, Configured
from orchestrator.operations.origin import NO_ORIGIN, Origin
from orchestrator.operations.results import Submitted
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.turns import LONG_BYTES, Turns
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout import Field, Layout, lay_out, target_fields
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, KeyClaim
from orchestrator.store.static_layouts import StaticLayouts
from orchestrator.store.transitions import Transitions

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

#: Largest age of the list of live workers when a submission is refused by it.
FRESH_S = 1.0
#: Largest age of the list when a submission is accepted by it.
STALE_S = 10.0
#: What was submitted, or how to parse it: a body that was submitted before need not be parsed again.
Document = dict[str, Any] | Callable[[], dict[str, Any]]
#: Compiled definitions kept by the bytes they were submitted as.
KEPT = 256


@dataclass(frozen=True, slots=True)
class Compiled:
    """A definition ready to be stored, with the text it is stored as."""

    definition: Definition
    layout: Layout
    text: bytes


class Submissions:
    """Compiles definitions and creates executions of them.

    catalogue  gives the handlers a definition may use, from the names live workers announce.
    checks     check inputs.
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
        self.store = store
        self.checks = checks or SchemaChecks()
        #: Those of large definitions.
        self.turns = Turns()
        self.transitions = transitions
        self.layouts = StaticLayouts(transitions)
        self.limits = limits
        self._catalogue = catalogue
        self._announced: tuple[float, Announced] = (float("-inf"), Announced())
        self._announcing = asyncio.Lock()
        self._cache = DefinitionCache[tuple[bytes, Announced], Compiled](max_entries=KEPT)

    async def create(
        self,
        compiled: Compiled,
        *,
        inputs: dict[str, Any] | None = None,
        is_started: bool = False,
        idempotency: Idempotency | None = None,
        tenant: str = "default",
        replay_of: str | None = None,
        origin: Origin | None = None,
        workflow: WorkflowRecord | None = None,
    ) -> Submitted:
        """Store an execution of a definition; start it when asked to.

        inputs    checked against the definition's schema; None before the start leaves them to the trigger.
        workflow  of the registry, which must still be as this record says; else WorkflowChanged is raised.
        Raises InputsInvalid, StartInvalid, PayloadTooLarge, IdempotencyConflict, ExecutionKeyTaken,
        StoreUnavailable, StoreFull; nothing is stored then.
        """
        origin = origin or NO_ORIGIN
        execution_id, extra = await self.prepare(
            compiled,
            tenant=tenant,
            inputs=inputs,
            is_started=is_started,
            origin=origin,
            replay_of=replay_of,
        )
        submitted = await self.publish(
            execution_id,
            compiled.text,
            compiled.layout,
            extra=extra,
            is_started=is_started,
            idempotency=idempotency,
            tenant=tenant,
            key=origin.key_claim(compiled.definition.id_conflict_policy),
            key_name=origin.execution_key,
            workflow=workflow,
        )
        warnings = unknown_inputs(compiled.definition.source, inputs)
        return replace(submitted, warnings=warnings) if warnings else submitted

    async def prepare(
        self,
        compiled: Compiled,
        *,
        tenant: str,
        inputs: dict[str, Any] | None,
        is_started: bool,
        origin: Origin,
        replay_of: str | None = None,
    ) -> tuple[str, list[Field]]:
        """Check a start and store all of it but the last slice, which makes it visible.

        Gives the id of the execution, and runtime fields and values in turn that go with that slice.
        Raises InputsInvalid, StartInvalid, PayloadTooLarge, TooBusy, StoreFull; nothing is visible then.
        """
        extra: list[Field] = origin.fields()
        if own := origin.targets():
            extra += target_fields(joined_targets(compiled.definition.targets, own))
        is_checked = is_started or inputs is not None
        values = await self.checks.inputs(compiled.definition.inputs_schema, inputs) if is_checked else {}
        execution_id = origin.execution_id or mint_execution_id()
        await self.layouts.stage(execution_id, compiled.layout, tenant)
        if values or inputs is not None:
            extra += ["inputs", sorted_json(values)]
        if not is_checked and compiled.definition.inputs_schema is not None:
            extra += ["unchecked", "1"]
        if replay_of is not None:
            extra += ["replay_of", replay_of]
        return execution_id, extra

    async def publish(
        self,
        execution_id: str,
        text: bytes,
        layout: Layout,
        *,
        extra: Sequence[Field],
        is_started: bool,
        idempotency: Idempotency | None,
        tenant: str,
        key: KeyClaim | None = None,
        key_name: str | None = None,
        workflow: WorkflowRecord | None = None,
    ) -> Submitted:
        """Make a staged execution visible; start it when asked to.

        extra          runtime fields and values in turn; they beat those of the layout.
        key, key_name  the execution key it is to hold.
        workflow       as in `create`.
        Raises IdempotencyConflict, ExecutionKeyTaken, DurabilityUnknown, TooBusy.
        """
        async with self.transitions.durable():
            word, created_id, more, *left = await self.layouts.send(
                tenant,
                layout,
                layout.last,
                lambda last: self.transitions.create_execution(
                    execution_id,
                    text,
                    last,
                    tenant=tenant,
                    idempotency=idempotency,
                    key=key,
                    workflow=workflow,
                    is_started=is_started,
                    extra=tuple(extra),
                ),
            )
        if word == "conflict":
            raise IdempotencyConflict(idempotency.name if idempotency else "")
        if word == "moved":
            raise WorkflowChanged(workflow.name if workflow else "", None)
        if word == "lost":
            raise TooBusy("storing the submission took so long that it was given up; send it again")
        if word == "taken":
            raise ExecutionKeyTaken(key_name or "", created_id)
        if word == "replayed":
            return await self._replayed(created_id)
        if word == "existing":
            return replace(await self._replayed(created_id), replayed=False, existing=True)
        for terminated_id in left:
            await self.transitions.drain_worklist(terminated_id)
        if more:
            await self.transitions.drain_worklist(execution_id)
        status = ExecutionStatus.RUNNING if is_started else ExecutionStatus.PENDING
        return Submitted(execution_id, status, False)

    async def find_replay(self, idempotency: Idempotency | None, tenant: str) -> Submitted | None:
        """Find the execution that this request has created before. Raises IdempotencyConflict.

        Saves the work of staging another; `publish` compares again, atomically.
        """
        if idempotency is None:
            return None
        known = await self.store.idempotent_execution(tenant, idempotency.key)
        # What was purged since is no answer any more.
        if known is None or await self.store.status(known[1]) is None:
            return None
        digest, created_id = known
        if digest != idempotency.digest:
            raise IdempotencyConflict(idempotency.name)
        async with self.transitions.durable():
            return await self._replayed(created_id)

    async def _replayed(self, execution_id: str) -> Submitted:
        status = await self.store.status(execution_id) or ExecutionStatus.PENDING
        return Submitted(execution_id, status, True)

    async def handler_names(self) -> frozenset[str]:
        """Name the handlers a definition may use now."""
        return frozenset((await self.handlers()).names)

    async def handlers(self) -> HandlerNames:
        """Give what is known now of the handlers a definition may use."""
        announced = await self._announced_handlers()
        return self._catalogue(announced.names, announced.cards)

    async def configured(self, tenant: str) -> Configured | None:
        """Give the names that the settings of live workers give a tenant; None where that is not known."""
        found = (await self._announced_handlers()).configured
        return None if found is None else found.get(tenant, Configured())

    async def _announced_handlers(self, since_s: float | None = None) -> Announced:
        """What live workers offer, a second old at most, or read since a moment of time.monotonic().

        Of many who ask at the same time one reads.
        """
        async with self._announcing:
            read_s, announced = self._announced
            began_s = time.monotonic()
            if read_s < (began_s - FRESH_S if since_s is None else since_s):
                announced = await self.store.announced()
                self._announced = (began_s, announced)
        return announced

    async def compile(self, document: Document, body: bytes | None) -> Compiled:
        """Compile a definition with the handlers last known; read the live workers again before refusing it.

        So a submission does not pay for reading every worker. body: see `Executions.submit`.
        Raises DefinitionInvalid.
        """
        arrived_s, known = time.monotonic(), self._announced
        if arrived_s - known[0] > STALE_S:
            await self._announced_handlers()
            known = self._announced
        try:
            return await self._compiled(document, body, known[1])
        except DefinitionInvalid as error:
            # Whoever has just seen a worker that has the handler is not told that there is none.
            is_unknown = any(each.code == "unknown_handler" for each in error.problems)
            announced = await self._announced_handlers(arrived_s if is_unknown else None)
            if announced == known[1]:
                raise _with_cause(error, announced) from None
        try:
            return await self._compiled(document, body, announced)
        except DefinitionInvalid as error:
            raise _with_cause(error, announced) from None

    async def _compiled(self, document: Document, body: bytes | None, announced: Announced) -> Compiled:
        if body is not None and (kept := self._cache.get((body, announced))):
            return kept
        if body is None and callable(document):
            document = document()
        text = exact_json.dumps(document) if body is None else body
        if _takes_long(text):
            compiled = await self.turns.take(lambda: self._compile(document, text, announced))
        else:
            compiled = self._compile(document, text, announced)
        if body is not None:
            self._cache.put((body, announced), compiled, text_bytes=len(text))
        return compiled

    def _compile(self, document: Document, text: bytes, announced: Announced) -> Compiled:
        if callable(document):
            document = document()
        definition = compile_definition(
            document, handlers=self._catalogue(announced.names, announced.cards), limits=self.limits
        )
        return Compiled(definition, lay_out(definition), text)


def _with_cause(error: DefinitionInvalid, announced: Announced) -> DefinitionInvalid:
    """Say of unknown handlers that a worker cannot load its own: that is then the likeliest cause."""
    if not announced.refused_by:
        return error
    hint = f"{announced.refused_by[0]} cannot load the modules of HANDLERS; ./headrace doctor says why"
    return DefinitionInvalid(
        [replace(each, hint=hint) if each.code == "unknown_handler" else each for each in error.problems]
    )


def _takes_long(text: bytes) -> bool:
    """Say whether compiling may hold an event loop up for too long; patterns are slow to compile."""
    return len(text) > LONG_BYTES or b'"pattern' in text or b"\\u" in text


def mint_execution_id() -> str:
    """A UUIDv7 whose last three hex digits are the partition number: 000 while there is one partition."""
    return str(mint_uuid())[:-3] + "000"


def mint_uuid() -> UUID:
    """A UUIDv7: later ones are greater."""
    made: UUID = uuid7()
    return made


def sorted_json(values: dict[str, Any]) -> bytes:
    """JSON with sorted keys, so that equal inputs are equal text."""
    return exact_json.dumps(values, option=orjson.OPT_SORT_KEYS)

"""Takes submissions in: compiles what is new, recognises what is not, and writes it all or nothing."""

from __future__ import annotations

import hashlib
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, HandlerNames
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, IdempotencyConflict
from orchestrator.operations.results import Submitted
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout import Field, Layout, Slice, lay_out
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

#: How old what is known of the workers may be when a submission is refused by it.
FRESH_S = 1.0
#: How old it may be when a submission is accepted by it.
STALE_S = 10.0
#: What was submitted, or how to parse it: a body that was submitted before need not be parsed again.
Document = dict[str, Any] | Callable[[], dict[str, Any]]
#: Compiled definitions kept by the bytes they were submitted as; the bytes kept are bounded as well.
KEPT = 256
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What makes a request the same request: its key, where it was sent, and what it carried."""

    key: str
    route: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A definition ready to be stored, with the text it is stored as."""

    definition: Definition
    layout: Layout
    text: bytes


class Submissions:
    """The way in.

    catalogue  gives the handlers a definition may use, from the names live workers announce.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        catalogue: Callable[[frozenset[str]], HandlerNames],
        limits: Limits,
    ) -> None:
        self.store = store
        self.transitions = transitions
        self.limits = limits
        self._catalogue = catalogue
        self._announced: tuple[float, frozenset[str]] = (float("-inf"), frozenset())
        self._kept: OrderedDict[tuple[bytes, frozenset[str]], Compiled] = OrderedDict()
        self._kept_bytes = 0

    async def submit(
        self,
        document: Document,
        *,
        body: bytes | None,
        inputs: dict[str, Any] | None,
        is_started: bool,
        idempotency: Idempotency | None,
        tenant: str,
        replay_of: str | None = None,
    ) -> tuple[Submitted, bool]:
        """Check a definition and store an execution of it; the flag says that a worklist was saved.

        Raises what `Engine.submit` raises.
        """
        compiled = await self.compile(document, body)
        is_checked = is_started or inputs is not None
        values = compiled.definition.check_inputs(inputs) if is_checked else {}
        execution_id = mint_execution_id()
        for part in compiled.layout.staged:
            await self.transitions.stage_execution(execution_id, part)
        extra: list[Field] = []
        if values or inputs is not None:
            extra += ["inputs", sorted_json(values)]
        if not is_checked and compiled.definition.inputs_schema is not None:
            extra += ["unchecked", "1"]
        if replay_of is not None:
            extra += ["replay_of", replay_of]
        return await self.create(
            execution_id,
            compiled.text,
            compiled.layout.last,
            extra=extra,
            is_started=is_started,
            idempotency=idempotency,
            tenant=tenant,
        )

    async def create(
        self,
        execution_id: str,
        text: bytes,
        last: Slice,
        *,
        extra: Sequence[Field],
        is_started: bool,
        idempotency: Idempotency | None,
        tenant: str,
    ) -> tuple[Submitted, bool]:
        """Make what is staged visible; the flag says that a worklist was saved. Raises IdempotencyConflict.

        extra  runtime fields and values in turn; they beat those of the layout.
        """
        key, request_hash = _fingerprint(idempotency)
        word, made, more = await self.transitions.create_execution(
            execution_id,
            text,
            last,
            tenant=tenant,
            idempotency_key=key,
            request_hash=request_hash,
            is_started=is_started,
            extra=("tenant", tenant, *extra),
        )
        if word == "conflict":
            raise IdempotencyConflict(idempotency.key if idempotency else key)
        if word == "replayed":
            return await self._made(made), False
        status = ExecutionStatus.RUNNING if is_started else ExecutionStatus.PENDING
        return Submitted(execution_id, status, False), bool(more)

    async def find_replay(self, idempotency: Idempotency | None, tenant: str) -> Submitted | None:
        """Look whether this request has made an execution already. Raises IdempotencyConflict.

        For requests whose staging is work: the last word is `create`'s.
        """
        if idempotency is None:
            return None
        key, request_hash = _fingerprint(idempotency)
        known = await self.store.idempotent_execution(tenant, key)
        if known is None:
            return None
        known_hash, made = known
        if known_hash != request_hash:
            raise IdempotencyConflict(idempotency.key)
        return await self._made(made)

    async def _made(self, execution_id: str) -> Submitted:
        status = await self.store.status(execution_id) or ExecutionStatus.PENDING
        return Submitted(execution_id, status, True)

    async def handler_names(self) -> frozenset[str]:
        """Handlers a definition may use now."""
        return frozenset(self._catalogue(await self._announced_handlers()).names)

    async def _announced_handlers(self) -> frozenset[str]:
        """Names live workers offer, a second old at most."""
        read_s, names = self._announced
        if time.monotonic() - read_s > FRESH_S:
            workers = await self.store.workers()
            names = frozenset(name for worker in workers for name in worker.named_handlers)
            self._announced = (time.monotonic(), names)
        return names

    async def compile(self, document: Document, body: bytes | None) -> Compiled:
        """Compile with the handlers known, and look at the workers anew only before refusing.

        So that a submission does not pay for a look at every worker.
        """
        known = self._announced
        if time.monotonic() - known[0] > STALE_S:
            await self._announced_handlers()
            known = self._announced
        try:
            return self._compiled(document, body, known[1])
        except DefinitionInvalid:
            announced = await self._announced_handlers()
            if announced == known[1]:
                raise
            return self._compiled(document, body, announced)

    def _compiled(self, document: Document, body: bytes | None, announced: frozenset[str]) -> Compiled:
        key = (body, announced) if body is not None else None
        if key and (kept := self._kept.get(key)):
            self._kept.move_to_end(key)
            return kept
        if callable(document):
            document = document()
        definition = compile_definition(document, handlers=self._catalogue(announced), limits=self.limits)
        text = body if body is not None else orjson.dumps(document)
        compiled = Compiled(definition, lay_out(definition), text)
        if key:
            self._kept[key] = compiled
            self._kept_bytes += len(text)
            while len(self._kept) > KEPT or self._kept_bytes > KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped.text)
        return compiled


def mint_execution_id() -> str:
    """A UUIDv7 whose last three hex digits are the partition number: 000 while there is one partition."""
    number: UUID = uuid7()
    return str(number)[:-3] + "000"


def sorted_json(values: dict[str, Any]) -> bytes:
    """JSON with sorted keys, so that equal inputs are equal text."""
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def _fingerprint(idempotency: Idempotency | None) -> tuple[str, str]:
    if idempotency is None:
        return "", ""
    key = hashlib.sha256(f"{idempotency.route}\n{idempotency.key}".encode()).hexdigest()[:40]
    return key, idempotency.body_hash[:64]

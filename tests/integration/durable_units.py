"""Steps of durable handlers, one call each: parking, posting letters, writing into journals."""

from __future__ import annotations

from typing import Any

from orchestrator.store.replies import EndReply
from orchestrator.store.requests import AttemptToken, Idempotency
from orchestrator.store.script_client import Call
from tests.makers import Rig, node


def posting(rig: Rig, execution_id: str, unit: str = "A", payload: bytes = b"1", **more: Any) -> Call[Any]:
    request = more.pop("request", None) or Idempotency.unnamed()
    return rig.transitions.post_letter(execution_id, unit, payload, idempotency=request, **more)


async def post(rig: Rig, execution_id: str, unit: str = "A", payload: bytes = b"1", **more: Any) -> list[Any]:
    answer: list[Any] = await posting(rig, execution_id, unit, payload, **more)
    return answer


def parking(rig: Rig, held: AttemptToken, until_ms: int | None = None, **more: Any) -> Call[EndReply]:
    return rig.transitions.await_letter(held, until_ms=until_ms, waits_for=b'["a reply"]', **more)


async def park(rig: Rig, held: AttemptToken, until_ms: int | None = None) -> str:
    return (await parking(rig, held, until_ms)).word


async def append(rig: Rig, held: AttemptToken, number: int, data: bytes = b"1", **more: Any) -> list[Any]:
    return await rig.transitions.append_journal(held, number, data, **more)


async def parked(rig: Rig, until_ms: int | None = None, **fields: Any) -> str:
    """An execution of A, which waits for letters, and B after it."""
    execution_id = await rig.submit(node("A", **fields), node("B", after=["A"]))
    assert await park(rig, await rig.worker.start_one("A"), until_ms) == "ok"
    return execution_id


async def journal_of(rig: Rig, execution_id: str, unit: str = "A") -> tuple[bytes | None, list[bytes]]:
    """The snapshot and the entries behind it."""
    found = await rig.store.journals.read(execution_id, unit)
    return found.snapshot, [entry.data for entry in found.entries]


async def letters_of(rig: Rig, execution_id: str, unit: str = "A") -> list[tuple[int, bytes]]:
    """The letters that wait."""
    found = await rig.store.journals.letters(execution_id, unit, limit=2_000)
    return [(letter.number, letter.payload) for letter in found.waiting]

"""Reads the scripts' replies, which arrive as nested lists of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """A task this worker now runs, with all it takes to run it.

    tries, crashes  charged tries and lost leases before this attempt.
    spec, inputs    JSON; inputs only when the node refers to them.
    resume          what the unit waited for, JSON, when it is run again to make use of it; else b"".
    value           of an item of a mapped node, JSON; else b"".
    references      what the node refers to: (node id, status, output JSON or b"").
    counts          tries that each retry rule has counted; empty for a policy without rules.
    beat            details of the last heartbeat of an attempt before this one, JSON; else b"".
    """

    execution_id: str
    node_id: str
    attempt: int
    nonce: str
    tries: int
    crashes: int
    message_id: str
    queued_ms: int
    spec: bytes
    inputs: bytes
    resume: bytes
    value: bytes
    references: tuple[tuple[str, str, bytes], ...]
    beat: bytes = b""
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A task as it came off the stream, not yet claimed."""

    execution_id: str
    node_id: str
    attempt: int
    message_id: str
    queue: str
    handler: str


@dataclass(frozen=True, slots=True)
class EndReply:
    """What became of an attempt that its worker ended, and what the worker got to do next.

    word  ok, dup, fenced, gone or uncalled; see lua/include/attempt.lua.
    more  the execution has a saved worklist that the caller should go on with at once.
    unoffered  tasks that were read on the way but need a handler this worker does not have.
    """

    word: str
    more: bool
    claims: list[Claim]
    unoffered: list[Delivery]


def read_claim(reply: list[bytes]) -> Claim | str:
    if reply[0] != b"ok":
        return reply[0].decode()
    references: tuple[tuple[str, str, bytes], ...] = ()
    if len(reply) > 13:
        references = tuple(
            (reply[i].decode(), reply[i + 1].decode(), reply[i + 2]) for i in range(13, len(reply), 3)
        )
    beat, counts = b"", b""
    if references and references[-1][0] == "$beat":
        beat, references = references[-1][2], references[:-1]
    if references and references[-1][0] == "$counts":
        counts, references = references[-1][2], references[:-1]
    return Claim(
        execution_id=reply[1].decode(),
        node_id=reply[2].decode(),
        attempt=int(reply[3]),
        nonce=reply[4].decode(),
        tries=int(reply[5]),
        crashes=int(reply[6]),
        message_id=reply[7].decode(),
        queued_ms=int(reply[8]),
        spec=reply[9],
        inputs=reply[10],
        resume=reply[11],
        value=reply[12],
        references=references,
        beat=beat,
        counts=tuple(int(count) for count in counts.split()),
    )


def read_end_reply(reply: list[Any]) -> EndReply:
    claims: list[Claim] = []
    unoffered: list[Delivery] = []
    for item in reply[2]:
        if item[0] == b"unoffered":
            execution_id, node_id, attempt, message_id, queue, handler = (part.decode() for part in item[1:7])
            unoffered.append(Delivery(execution_id, node_id, int(attempt), message_id, queue, handler))
        elif isinstance(claim := read_claim(item), Claim):
            claims.append(claim)
    return EndReply(reply[0].decode(), reply[1] == 1, claims, unoffered)


def read_text(reply: bytes) -> str:
    return reply.decode()


def read_words(reply: list[Any]) -> list[Any]:
    return [item.decode() if isinstance(item, bytes) else item for item in reply]


def read_word_more(reply: list[Any]) -> tuple[str, bool]:
    return reply[0].decode(), reply[1] == 1

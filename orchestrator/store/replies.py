"""Reads the scripts' replies, which arrive as nested lists of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.definitions.branches import read_catch_words
from orchestrator.definitions.definition import Catch
from orchestrator.redis_keys import DEFAULT_TENANT

#: Most bytes that the claims of one round trip answer with, see lua/include/claim.lua.
REPLY_BYTES = 4 * 1024 * 1024
#: Names of what a claim may leave unread beside outputs; no node has such an id.
INPUTS, TRIGGER, RESUME, VALUE = "$inputs", "$trigger", "$resume", "$value"


class Claim(NamedTuple):
    """A task this worker now runs, with all it takes to run it.

    tries, crashes  charged tries and lost leases before this attempt.
    spec, inputs    JSON; inputs only when the node refers to them.
    trigger         the trigger document, JSON, when the node refers to it; else, and without one, b"".
    resume          what the unit waited for, JSON, when it is run again to make use of it; else b"".
    value           of an item of a mapped node, JSON; else b"".
    references      what the node refers to: (node id, status, output JSON or b"").
    catch           which successor takes over after which errors.
    counts          tries that each retry rule has counted; empty for a policy without rules.
    beat            details of the last heartbeat of an attempt before this one, JSON; else b"".
    tenant          whose execution it is.
    unread          texts that the reply had no room for, and their lengths: ids of nodes whose output it is,
                    INPUTS, TRIGGER, RESUME, VALUE. They are b"" above, and have to be read before the
                    attempt runs.
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
    inputs: bytes = b""
    resume: bytes = b""
    value: bytes = b""
    references: tuple[tuple[str, str, bytes], ...] = ()
    beat: bytes = b""
    tenant: str = DEFAULT_TENANT
    counts: tuple[int, ...] = ()
    catch: tuple[Catch, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    trigger: bytes = b""

    def filled(self, texts: Mapping[str, bytes]) -> Claim:
        """Put in what has been read of the texts that were unread, by name; the rest stays unread."""
        return self._replace(
            inputs=texts.get(INPUTS, self.inputs),
            trigger=texts.get(TRIGGER, self.trigger),
            resume=texts.get(RESUME, self.resume),
            value=texts.get(VALUE, self.value),
            references=tuple((id, status, texts.get(id, text)) for id, status, text in self.references),
            unread=tuple(part for part in self.unread if part[0] not in texts),
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A task as it came off the stream, not yet claimed."""

    execution_id: str
    node_id: str
    attempt: int
    message_id: str
    queue: str
    handler: str


class EndReply(NamedTuple):
    """What became of an attempt that its worker ended, and what the worker got to do next.

    word  ok, dup, fenced, gone, uncalled or unreported; see lua/include/attempt.lua and those of the verbs.
    more  the execution has a saved worklist that the caller should go on with at once.
    unoffered  tasks that were read on the way but need a handler this worker does not have.
    """

    word: str
    more: bool
    claims: list[Claim]
    unoffered: list[Delivery]


def read_claim(reply: list[Any]) -> Claim | str:
    if reply[0] != b"ok":
        return reply[0].decode()  # type: ignore[no-any-return]
    return _claim(reply[1], reply[2], reply[3:])


def _claim(head: bytes, spec: bytes, told: list[Any]) -> Claim:
    """Read one claim; `told` is name, status and text in turn, see lua/include/claim.lua."""
    execution_id, node_id, attempt, nonce, tries, crashes, message_id, queued_ms = head.decode().split(" ")
    claim = Claim(
        execution_id,
        node_id,
        int(attempt),
        nonce,
        int(tries),
        int(crashes),
        "" if message_id == "-" else message_id,
        0 if queued_ms == "-" else int(queued_ms),
        spec,
    )
    return _with(claim, told) if told else claim


def _with(claim: Claim, told: list[Any]) -> Claim:
    found: dict[str, Any] = {}
    references: list[tuple[str, str, bytes]] = []
    unread: list[tuple[str, int]] = []
    for i in range(0, len(told), 3):
        name, text = told[i].decode(), told[i + 2]
        if isinstance(text, int):
            unread.append((name, text))
            text = b""
        match name:
            case "$inputs" | "$trigger" | "$resume" | "$value" | "$beat":
                found[name[1:]] = text
            case "$counts":
                found["counts"] = tuple(map(int, text.split()))
            case "$catch":
                found["catch"] = read_catch_words(text.decode())
            case "$tenant":
                found["tenant"] = text.decode()
            case _:
                references.append((name, told[i + 1].decode(), text))
    return claim._replace(references=tuple(references), unread=tuple(unread), **found)


def read_end_reply(reply: bytes | list[Any]) -> EndReply:
    if isinstance(reply, bytes):
        return EndReply(*_word_more(reply), [], [])
    claims: list[Claim] = []
    unoffered: list[Delivery] = []
    at = 1
    while at < len(reply):
        last = at + reply[at]
        if reply[at + 1] == b"unoffered":
            execution_id, node_id, attempt, message_id, queue, handler = reply[at + 2].decode().split(" ")
            unoffered.append(Delivery(execution_id, node_id, int(attempt), message_id, queue, handler))
        else:
            claims.append(_claim(reply[at + 2], reply[at + 3], reply[at + 4 : last + 1]))
        at = last + 1
    return EndReply(*_word_more(reply[0]), share_texts(claims) if len(claims) > 1 else claims, unoffered)


def _word_more(text: bytes) -> tuple[str, bool]:
    word = text.decode()
    return word.removesuffix("+"), word.endswith("+")


def share_texts(claims: list[Claim]) -> list[Claim]:
    """Give claims of one reply the texts that an earlier one of the same execution has brought."""
    if not any(claim.unread for claim in claims):
        return claims
    brought: dict[tuple[str, str], bytes] = {}
    found: list[Claim] = []
    for claim in claims:
        mine = ((name, brought.get((claim.execution_id, name))) for name, _ in claim.unread)
        found.append(claim.filled({name: text for name, text in mine if text is not None}))
        brought |= {(claim.execution_id, id): text for id, _, text in claim.references if text}
        if claim.inputs:
            brought[claim.execution_id, INPUTS] = claim.inputs
        if claim.trigger:
            brought[claim.execution_id, TRIGGER] = claim.trigger
    return found


def read_text(reply: bytes) -> str:
    return reply.decode()


def read_words(reply: list[Any]) -> list[Any]:
    return [item.decode() if isinstance(item, bytes) else item for item in reply]


def read_word_more(reply: list[Any]) -> tuple[str, bool]:
    return reply[0].decode(), reply[1] == 1

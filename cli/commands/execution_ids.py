"""Executions as they are named on the command line: by id, the beginning of one, a key, or `last`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import typer

from cli.output.text import printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

#: The newest execution that no other, no schedule and no webhook has started.
LAST = "last"
BY_THEMSELVES = ("schedule", "webhook", "path")
#: So many are looked at for it.
LOOKED_AT = 20
#: Digits of an id that hold its time, and bits of one digit.
TIME_DIGITS, DIGIT_BITS = 12, 4
#: The id of a child begins with no time; all executions are looked through for so long a beginning.
CHILD_DIGITS = 8
#: How far the clocks of the machine that makes ids and of Redis may be apart.
SKEW_MS = 3_600_000
#: The last moment of the calendar, in ms.
MOST_MS = 253_402_300_799_000
#: How many are named when a beginning fits several.
SHOWN = 5
_begins_an_id = re.compile(r"[0-9a-f]{4}[0-9a-f-]{0,31}").fullmatch


class NotOneExecution(Exception):
    """What a user has named fits several executions, or there is none; the message says which."""


async def find_execution_id(client: AsyncClient, named: str) -> str:
    """Give the id or key by which the API knows what a user has named.

    A whole id and a key are taken as they are; a key goes before the beginning of an id.
    Raises NotOneExecution for a beginning that fits several, and for `last` where there is none.
    """
    if named == LAST:
        return await _last(client)
    if not _begins_an_id(named):
        return named
    async for _ in client.executions.list(limit=1, execution_key=named):
        return named
    found = [view async for view in _beginning_with(client, named, time_window(named))]
    if not found and len(named) >= CHILD_DIGITS:
        found = [view async for view in _beginning_with(client, named, (None, None))]
    if len(found) > 1:
        lines = [f"{named!r} is the beginning of more than one id:"]
        lines += [f"  {view.execution_id}  {view.created_at}  {view.name}" for view in found[:SHOWN]]
        raise NotOneExecution("\n".join([*lines, *(["  …"] if len(found) > SHOWN else [])]))
    return found[0].execution_id if found else named


async def _last(client: AsyncClient) -> str:
    """Find the newest execution that somebody has started, and say which that is.

    What schedules and webhooks start comes at any moment: it is not what was meant a moment ago.
    """
    looked_at = 0
    async for view in client.executions.list(limit=LOOKED_AT, parent="none"):
        looked_at += 1
        started_by = ((await client.executions.get(view.execution_id)).trigger or {}).get("source")
        if started_by not in BY_THEMSELVES:
            typer.echo(printable(f"last: {view.execution_id} {view.name}"), err=True)
            return view.execution_id
    if looked_at:
        raise NotOneExecution(f"schedules and webhooks have started the newest {looked_at}; name one")
    raise NotOneExecution("there is no last execution: none has been started yet")


async def _beginning_with(
    client: AsyncClient, beginning: str, made: tuple[str | None, str | None]
) -> AsyncIterator[Execution]:
    """The executions made in a time whose ids begin so, newest first; no more than are needed."""
    count = 0
    rows = client.executions.list(text=beginning, created_after=made[0], created_before=made[1])
    async for view in rows:
        if view.execution_id.startswith(beginning):
            yield view
            count += 1
            if count > SHOWN:
                return


def time_window(beginning: str) -> tuple[str, str]:
    """Between which moments (RFC 3339) the executions were made whose ids begin so.

    An id begins with its time, so that not all executions need to be looked through.
    """
    from datetime import UTC, datetime

    digits = beginning.replace("-", "")[:TIME_DIGITS]
    open_bits = (TIME_DIGITS - len(digits)) * DIGIT_BITS
    first_ms = int(digits, 16) << open_bits
    last_ms = first_ms + (1 << open_bits)
    # Years that no calendar has are as good as the last one.
    moments = (min(max(ms, 0), MOST_MS) for ms in (first_ms - SKEW_MS, last_ms + SKEW_MS))
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in moments)
    return first, last

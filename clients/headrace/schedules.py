"""Schedules: when workflows start by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from clients.headrace.transport import Document, Documents, Transport, document_of, given, path_of
from clients.headrace.views import Created


class Schedules:
    """`client.schedules`. A schedule is named by its name or id.

    rule  `cron` or `every`, with `timezone`, `overlap_policy`, `catchup_policy`, `jitter` and the rest, see
          the API.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # --- add and change

    async def create(
        self,
        workflow: str,
        rule: Mapping[str, Any],
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Add a schedule to a workflow."""
        body = {"workflow": workflow, **rule} | given(name=name)
        return (await self._transport.post_once(path_of("schedules"), body, idempotency_key)).document

    async def put(self, schedule: str, rule: Mapping[str, Any], *, if_match: str = "*") -> Document:
        """Give a schedule another rule, whatever its state unless an ETag is given."""
        headers = {"If-Match": if_match}
        path = path_of("schedules", schedule)
        return document_of(await self._transport.send("PUT", path, body=rule, headers=headers))

    async def pause(self, schedule: str, *, by: str | None = None, reason: str | None = None) -> Document:
        """Start nothing more until it is resumed."""
        return await self._transport.post(
            path_of("schedules", schedule, "pause"), given(by=by, reason=reason)
        )

    async def resume(self, schedule: str) -> Document:
        """Go on with the next slot from now."""
        return await self._transport.post(path_of("schedules", schedule, "resume"), {})

    async def delete(self, schedule: str) -> None:
        """Remove it; what it has started goes on."""
        await self._transport.delete(path_of("schedules", schedule))

    # --- start

    async def trigger(
        self,
        schedule: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Created:
        """Start an execution now; inputs: instead of those of the schedule."""
        path = path_of("schedules", schedule, "trigger")
        answer = await self._transport.post_once(path, given(inputs=inputs), idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    async def backfill(
        self,
        schedule: str,
        start: str,
        end: str,
        *,
        max_active: int | None = None,
        dry_run: bool = False,
    ) -> Document:
        """Start an execution for each slot from start to end (RFC 3339), or say which slots there are."""
        body = given(start=start, end=end, max_active=max_active) | {"dry_run": dry_run}
        return await self._transport.post(path_of("schedules", schedule, "backfill"), body)

    async def stop_backfill(self, schedule: str) -> None:
        """Start no further slot of a backfill."""
        await self._transport.delete(path_of("schedules", schedule, "backfill"))

    # --- read

    async def get(self, schedule: str) -> Document:
        """One schedule."""
        return await self._transport.get(path_of("schedules", schedule))

    async def list(self, *, limit: int | None = None, workflow: str | None = None) -> AsyncIterator[Document]:
        """Schedules, newest first; workflow: of this one only."""
        async for item in self._transport.pages(path_of("schedules"), given(workflow=workflow), limit=limit):
            yield item

    async def next(self, schedule: str, *, count: int = 10) -> Documents:
        """The next slots: `slot`, and `due_at` with the jitter."""
        answer = await self._transport.get(path_of("schedules", schedule, "next"), {"count": str(count)})
        found: Documents = answer["items"]
        return found

    async def preview(self, rule: Mapping[str, Any], *, count: int = 10) -> Documents:
        """The next slots of a schedule that does not exist."""
        body = {**rule, "count": count}
        found: Documents = (await self._transport.post(path_of("schedules", "preview"), body))["items"]
        return found

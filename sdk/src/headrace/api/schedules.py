"""Schedules: when workflows start by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.calls import (
    Pages,
    Part,
    Request,
    Steps,
    Way,
    delete,
    each_of,
    get,
    get_pages,
    given,
    listing,
    operation,
    path_of,
    post,
    post_once,
)
from headrace.records import Backfill, Schedule, Slot
from headrace.values import Created


class Schedules(Part[Way]):
    """`client.schedules`. A schedule is named by its name or id.

    rule  `cron` or `every`, with `timezone`, `overlap_policy`, `catchup_policy`, `jitter` and the rest, see
          the API.
    """

    # --- add and change

    @operation
    def create(
        self,
        workflow: str,
        rule: Mapping[str, Any],
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Schedule]:
        """Add a schedule to a workflow."""
        body = {"workflow": workflow, **rule} | given(name=name)
        return Schedule.from_dict(
            (yield from post_once(path_of("schedules"), body, idempotency_key)).document
        )

    @operation
    def put(self, schedule: str, rule: Mapping[str, Any], *, if_match: str = "*") -> Steps[Schedule]:
        """Give a schedule another rule, whatever its state unless an ETag is given."""
        headers = {"If-Match": if_match}
        path = path_of("schedules", schedule)
        return Schedule.from_dict((yield Request("PUT", path, body=rule, headers=headers)).document)

    @operation
    def pause(self, schedule: str, *, by: str | None = None, reason: str | None = None) -> Steps[Schedule]:
        """Start nothing more until it is resumed."""
        return Schedule.from_dict(
            (
                yield from post(
                    path_of("schedules", schedule, "pause"), given(by=by, reason=reason), is_safe=True
                )
            )
        )

    @operation
    def resume(self, schedule: str) -> Steps[Schedule]:
        """Go on with the next slot from now."""
        return Schedule.from_dict(
            (yield from post(path_of("schedules", schedule, "resume"), {}, is_safe=True))
        )

    @operation
    def delete(self, schedule: str) -> Steps[None]:
        """Remove it; what it has started goes on."""
        yield from delete(path_of("schedules", schedule))

    # --- start

    @operation
    def trigger(
        self,
        schedule: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Created]:
        """Start an execution now; inputs: instead of those of the schedule."""
        path = path_of("schedules", schedule, "trigger")
        answer = yield from post_once(path, given(inputs=inputs), idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)

    @operation
    def backfill(
        self,
        schedule: str,
        start: str,
        end: str,
        *,
        max_active: int | None = None,
        dry_run: bool = False,
    ) -> Steps[Backfill]:
        """Start an execution for each slot from start to end (RFC 3339), or say which slots there are."""
        body = given(start=start, end=end, max_active=max_active) | {"dry_run": dry_run}
        return Backfill.from_dict((yield from post(path_of("schedules", schedule, "backfill"), body)))

    @operation
    def stop_backfill(self, schedule: str) -> Steps[None]:
        """Start no further slot of a backfill."""
        yield from delete(path_of("schedules", schedule, "backfill"))

    # --- read

    @operation
    def get(self, schedule: str) -> Steps[Schedule]:
        """One schedule."""
        return Schedule.from_dict((yield from get(path_of("schedules", schedule))))

    @listing
    def list(self, *, limit: int | None = None, workflow: str | None = None) -> Pages[Schedule]:
        """Schedules, newest first; workflow: of this one only."""
        return each_of(
            get_pages(path_of("schedules"), given(workflow=workflow), limit=limit), Schedule.from_dict
        )

    @operation
    def next(self, schedule: str, *, count: int = 10) -> Steps[tuple[Slot, ...]]:
        """The next slots: `slot`, and `due_at` with the jitter."""
        answer = yield from get(path_of("schedules", schedule, "next"), {"count": str(count)})
        return Slot.all_of(answer["items"])

    @operation
    def preview(self, rule: Mapping[str, Any], *, count: int = 10) -> Steps[tuple[Slot, ...]]:
        """The next slots of a schedule that does not exist."""
        body = {**rule, "count": count}
        answer = yield from post(path_of("schedules", "preview"), body, is_safe=True)
        return Slot.all_of(answer["items"])

"""`/v1/schedules`: added, changed, listed, previewed, paused, triggered, backfilled, removed."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.makers import node, workflow

RULE = {"cron": "30 8 * * 1-5", "timezone": "Europe/Berlin"}


@pytest.fixture
async def orders(client: httpx2.AsyncClient) -> str:
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
    answer = await client.post("/v1/workflows", json=workflow(node("A"), name="Orders", inputs=schema))
    return str(answer.json()["name"])


async def test_a_schedule_is_added_read_changed_and_removed(client: httpx2.AsyncClient, orders: str) -> None:
    made = await client.post("/v1/schedules", json={"workflow": orders, "name": "mornings", **RULE})
    read = await client.get(made.headers["location"])
    same = await client.get("/v1/schedules/mornings", headers={"If-None-Match": read.headers["etag"]})
    careless = await client.put("/v1/schedules/mornings", json={"every": "5m"})
    changed = await client.put(
        "/v1/schedules/mornings", json={"every": "5m"}, headers={"If-Match": made.headers["etag"]}
    )
    late = await client.put(
        "/v1/schedules/mornings", json={"every": "6m"}, headers={"If-Match": made.headers["etag"]}
    )
    gone = await client.delete(f"/v1/schedules/{made.json()['schedule_id']}")

    assert (made.status_code, read.status_code, same.status_code) == (201, 200, 304)
    assert made.json()["rule"] == RULE
    assert (made.json()["workflow"], made.json()["state"], made.json()["runs"]) == ("orders", "active", 0)
    assert made.json()["next_slot"] == made.json()["next_due_at"]
    assert (careless.status_code, changed.status_code, late.status_code) == (428, 200, 412)
    assert changed.json()["rule"] == {"every": "5m"}
    assert gone.status_code == 204
    assert (await client.get("/v1/schedules/mornings")).status_code == 404


async def test_a_schedule_that_a_document_has_named_is_found_by_the_part_it_gave(
    client: httpx2.AsyncClient, orders: str
) -> None:
    definition = workflow(
        node("A"), name="Heartbeat", triggers={"schedules": [{"name": "tick", "every": "1h"}]}
    )
    await client.post("/v1/workflows", json=definition)

    answer = await client.get("/v1/schedules/tick")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no schedule 'tick'; did you mean 'heartbeat-tick'?"
    assert (await client.get("/v1/schedules/zzz")).json()["detail"] == "there is no schedule 'zzz'"


async def test_what_is_wrong_is_refused_with_its_place_and_leaves_nothing(
    client: httpx2.AsyncClient, orders: str, redis: Any
) -> None:
    before = await redis.keys()

    answer = await client.post(
        "/v1/schedules",
        json={
            "workflow": orders,
            "cron": "61 * * * *",
            "timezone": "Europe/Berlinn",
            "overlap_policy": "skipp",
            "jitter": "soon",
            "start_at": "tomorrow",
            "max_runs": 0,
        },
    )
    both = await client.post("/v1/schedules", json={"workflow": orders, "cron": "@daily", "every": "5m"})
    neither = await client.post("/v1/schedules", json={"workflow": orders})
    never = await client.post("/v1/schedules", json={"workflow": orders, "cron": "0 0 30 2 *"})
    short = await client.post("/v1/schedules", json={"workflow": orders, "every": "100ms"})
    unfit = await client.post(
        "/v1/schedules", json={"workflow": orders, "every": "5m", "inputs": {"amount": "many"}}
    )
    nowhere = await client.post("/v1/schedules", json={"workflow": "nobody", "every": "5m"})

    found = {problem["path"]: problem for problem in answer.json()["errors"]}
    assert answer.status_code == 422
    assert set(found) == {"cron", "timezone", "overlap_policy", "jitter", "start_at", "max_runs"}
    assert "'Europe/Berlinn'" in found["timezone"]["message"]
    assert found["overlap_policy"]["hint"] == "did you mean 'skip'?"
    assert "61 * * * *" in found["cron"]["message"]
    statuses = [each.status_code for each in (both, neither, never, short, unfit, nowhere)]
    assert statuses == [422, 422, 422, 422, 422, 404]
    assert unfit.json()["errors"][0]["path"] == "inputs.amount"
    assert await redis.keys() == before


async def test_one_key_adds_one_schedule_and_names_are_unique(
    client: httpx2.AsyncClient, orders: str
) -> None:
    body = {"workflow": orders, "every": "5m"}

    first = await client.post("/v1/schedules", json=body, headers={"Idempotency-Key": "one"})
    again = await client.post("/v1/schedules", json=body, headers={"Idempotency-Key": "one"})
    other = await client.post(
        "/v1/schedules", json={**body, "every": "6m"}, headers={"Idempotency-Key": "one"}
    )
    second = await client.post("/v1/schedules", json=body)
    taken = await client.post("/v1/schedules", json={**body, "name": "orders"})

    assert first.json()["name"] == "orders"
    assert again.json()["schedule_id"] == first.json()["schedule_id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert second.json()["name"].startswith("orders-")
    assert taken.status_code == 409


async def test_schedules_are_listed_page_by_page_and_by_workflow(
    client: httpx2.AsyncClient, orders: str
) -> None:
    await client.post("/v1/workflows", json=workflow(node("A"), name="Other"))
    names = [f"s{number}" for number in range(5)]
    for name in names:
        await client.post("/v1/schedules", json={"workflow": orders, "name": name, "every": "1h"})
    await client.post("/v1/schedules", json={"workflow": "other", "name": "elsewhere", "every": "1h"})

    found, cursor = [], None
    while True:
        params = {"limit": "2", "workflow": orders} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/schedules", params=params)).json()
        found += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(found) == names
    assert len((await client.get("/v1/schedules")).json()["items"]) == 6


async def test_the_next_times_are_shown_in_the_zone_of_the_schedule(
    client: httpx2.AsyncClient, orders: str
) -> None:
    await client.post("/v1/schedules", json={"workflow": orders, "name": "mornings", **RULE})
    query = {"count": "3", "after": "2026-10-23T12:00:00Z"}

    kept = await client.get("/v1/schedules/mornings/next", params=query)
    free = await client.post("/v1/schedules/preview", json={**RULE, "count": 3, "after": query["after"]})

    # The clocks of Berlin went back on the 25th.
    expected = ["2026-10-26T07:30:00.000Z", "2026-10-27T07:30:00.000Z", "2026-10-28T07:30:00.000Z"]
    assert [item["slot"] for item in kept.json()["items"]] == expected
    assert [item["slot"] for item in free.json()["items"]] == expected
    assert kept.json()["timezone"] == "Europe/Berlin"


async def test_it_is_paused_triggered_by_hand_and_resumed(client: httpx2.AsyncClient, orders: str) -> None:
    await client.post(
        "/v1/schedules", json={"workflow": orders, "name": "hourly", "every": "1h", "inputs": {"amount": 3}}
    )

    paused = await client.post("/v1/schedules/hourly/pause", json={"by": "me", "reason": "audit"})
    again = await client.post("/v1/schedules/hourly/pause")
    once = {"Idempotency-Key": "k-1"}
    started = await client.post("/v1/schedules/hourly/trigger", headers=once)
    await client.post("/v1/schedules/hourly/trigger", headers=once)
    resumed = await client.post("/v1/schedules/hourly/resume")

    assert (paused.json()["state"], paused.json()["paused_reason"], paused.json()["next_slot"]) == (
        "paused",
        "audit",
        None,
    )
    assert again.json()["paused_by"] == "me"
    assert started.status_code == 202
    execution = (await client.get(started.headers["location"])).json()
    assert execution["inputs"] == {"amount": 3}
    assert (execution["trigger"]["source"], execution["trigger"]["schedule"]) == ("schedule", "hourly")
    assert (resumed.json()["state"], resumed.json()["paused_by"]) == ("active", None)
    assert resumed.json()["next_slot"] is not None
    assert (resumed.json()["runs"], resumed.json()["triggered"], resumed.json()["last_slot"]) == (0, 1, None)
    assert resumed.json()["last_execution_id"] == execution["execution_id"]
    assert resumed.json()["last_started_at"] is not None


async def test_a_backfill_is_previewed_begun_and_stopped(client: httpx2.AsyncClient, orders: str) -> None:
    await client.post("/v1/schedules", json={"workflow": orders, "name": "daily", "cron": "@daily"})
    body = {"start": "2025-01-01T00:00:00Z", "end": "2025-12-31T00:00:00Z"}

    preview = await client.post("/v1/schedules/daily/backfill", json={**body, "dry_run": True})
    begun = await client.post("/v1/schedules/daily/backfill", json={**body, "max_active": 5})
    twice = await client.post("/v1/schedules/daily/backfill", json=body)
    shown = (await client.get("/v1/schedules/daily")).json()["backfill"]
    stopped = await client.delete("/v1/schedules/daily/backfill")
    wide = await client.post(
        "/v1/schedules/daily/backfill", json={"start": "1970-01-01T00:00:00Z", "end": body["end"]}
    )
    backwards = await client.post(
        "/v1/schedules/daily/backfill", json={"start": body["end"], "end": body["start"]}
    )

    assert (preview.status_code, preview.json()["count"], preview.json()["backfill_id"]) == (200, 365, None)
    assert (begun.status_code, twice.status_code) == (202, 409)
    assert (shown["max_active"], shown["next_slot"]) == (5, "2025-01-01T00:00:00.000Z")
    assert stopped.json()["backfill"]["next_slot"] is None
    assert (wide.status_code, backwards.status_code) == (422, 422)


def scheduled(*entries: dict[str, Any]) -> dict[str, Any]:
    return workflow(node("A"), name="Reports", triggers={"schedules": list(entries)})


async def test_a_document_brings_its_schedules_and_takes_them_away(client: httpx2.AsyncClient) -> None:
    one, two = {"cron": "@daily"}, {"name": "weekly", "cron": "@weekly"}

    await client.put("/v1/workflows/reports", json=scheduled(one, two))
    first = {item["name"]: item for item in (await client.get("/v1/schedules")).json()["items"]}
    await client.post("/v1/schedules/reports-weekly/pause")
    await client.put(
        "/v1/workflows/reports", json=scheduled({"cron": "@hourly"}, two), headers={"If-Match": "*"}
    )
    second = {item["name"]: item for item in (await client.get("/v1/schedules")).json()["items"]}
    await client.put("/v1/workflows/reports", json=scheduled(two), headers={"If-Match": "*"})
    third = [item["name"] for item in (await client.get("/v1/schedules")).json()["items"]]
    declared = await client.delete("/v1/schedules/reports-weekly")
    await client.delete("/v1/workflows/reports")

    assert set(first) == {"reports", "reports-weekly"}
    assert second["reports"]["schedule_id"] == first["reports"]["schedule_id"]
    assert second["reports"]["rule"] == {"cron": "@hourly"}
    assert second["reports-weekly"]["state"] == "paused"
    assert third == ["reports-weekly"]
    assert (declared.status_code, declared.json()["code"]) == (409, "SCHEDULE_DECLARED")
    assert (await client.get("/v1/schedules")).json()["items"] == []


async def test_what_is_wrong_with_a_schedule_in_a_document_is_told_with_its_place(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post(
        "/v1/workflows",
        json=scheduled({"cron": "@daily"}, {"cron": "@never"}, {"name": "B A D", "every": 5, "evry": 1}, {}),
    )

    paths = {problem["path"] for problem in answer.json()["errors"]}
    assert answer.status_code == 422
    assert paths == {
        "triggers.schedules[1].cron",
        "triggers.schedules[1].name",
        "triggers.schedules[2].name",
        "triggers.schedules[2].evry",
        "triggers.schedules[3].cron",
        "triggers.schedules[3].name",
    }


async def test_inputs_in_a_document_are_checked_with_their_place(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    document = scheduled({"cron": "@daily", "inputs": {"n": "x"}}) | {"inputs": schema}

    answer = await client.post("/v1/workflows", json=document)

    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == ["triggers.schedules[0].inputs.n"]


@pytest.mark.parametrize(
    "rule",
    [
        {"cron": "0 0 * * *", "timezone": "Asia/Tokyo", "start_at": "9999-12-31T23:00:00Z"},
        {"cron": "0 0 * * *", "start_at": "9999-12-01T00:00:00Z", "jitter": "3650d"},
        {"cron": "* * * * *", "jitter": "5m"},
    ],
)
async def test_what_lies_beyond_all_calendars_is_refused(
    client: httpx2.AsyncClient, orders: str, rule: dict[str, Any]
) -> None:
    answer = await client.post("/v1/schedules", json={"workflow": orders, **rule})

    assert answer.status_code == 422, answer.text
    far = await client.post("/v1/schedules/preview", json={"every": "3650d", "count": 1000})
    early = await client.post(
        "/v1/schedules/preview", json={"cron": "@daily", "after": "0001-01-01T00:00:00Z"}
    )
    assert (far.status_code, early.status_code) == (200, 200)

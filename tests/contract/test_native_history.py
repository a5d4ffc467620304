"""Histories in parts, and attempts, over HTTP: the real engine, each attempt a single step."""

from __future__ import annotations

from itertools import chain
from typing import Any

import httpx2
import orjson
import pytest

from orchestrator.engine import OperatorNote
from orchestrator.store import histories
from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import Rig, error_of


async def begin(client: httpx2.AsyncClient, *nodes: dict[str, Any]) -> str:
    """Start an execution; gives its path."""
    answer = await client.post("/v1/executions", json={"definition": workflow(*nodes), "trigger": True})
    assert answer.status_code == 202, answer.text
    return f"/v1/executions/{answer.json()['execution_id']}"


@pytest.fixture
async def path(client: httpx2.AsyncClient, rig: Rig) -> str:
    """An execution that has ended: A completed, B failed once and then completed; 11 events."""
    place = await begin(client, node("A"), node("B", after=["A"]))
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.transitions.retry_node(await rig.worker.start_one("B"), error_of("Http.5xx"), delay_ms=0)
    await rig.engine.nodes.retry_now(place.rpartition("/")[2], "B", OperatorNote("ann", "now"))
    await rig.worker.run_all()
    return place


async def part(client: httpx2.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"{path}/history", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seqs(found: dict[str, Any]) -> list[int]:
    return [event["seq"] for event in found["items"]]


async def stream(client: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}/events", headers={"Accept": "application/x-ndjson"})
    return [orjson.loads(line) for line in answer.text.splitlines()]


async def test_a_whole_history_is_the_same_as_its_stream(client: httpx2.AsyncClient, path: str) -> None:
    whole = await part(client, path)

    assert whole["items"] == await stream(client, path)
    assert (whole["last_seq"], whole["next_before"], whole["next_after"]) == (len(whole["items"]), None, None)


async def test_the_newest_events_come_first_and_the_parts_before_them_join_on(
    client: httpx2.AsyncClient, path: str
) -> None:
    everything = seqs(await part(client, path))
    found = await part(client, path, limit=4)
    parts = [seqs(found)]

    while found["next_before"] is not None:
        found = await part(client, path, limit=4, before=found["next_before"])
        parts.insert(0, seqs(found))
        assert found["next_after"] == parts[0][-1]

    assert list(chain(*parts)) == everything
    assert [len(each) for each in parts[1:]] == [4, 4]


async def test_a_history_is_read_from_any_number_on(client: httpx2.AsyncClient, path: str) -> None:
    last = (await part(client, path))["last_seq"]

    first = await part(client, path, after=0, limit=3)
    rest = await part(client, path, after=3)
    between = await part(client, path, after=3, before=6)
    end = await part(client, path, after=last)
    beyond = await part(client, path, after=10**18)

    assert (seqs(first), first["next_before"], first["next_after"]) == ([1, 2, 3], None, 3)
    assert (seqs(rest), rest["next_before"], rest["next_after"]) == (list(range(4, last + 1)), 4, None)
    assert (seqs(between), between["next_after"]) == ([4, 5], None)
    assert (seqs(end), end["next_before"], end["next_after"]) == ([], last + 1, None)
    assert beyond == end
    assert seqs(await part(client, path, before=beyond["next_before"]))[-1] == last
    assert (await part(client, path, before=1))["next_after"] == 0


async def test_events_are_chosen_by_node_and_type(client: httpx2.AsyncClient, path: str) -> None:
    of_node = await part(client, path, node="B")
    of_types = await part(client, path, type=["node.retrying", "execution.completed"])
    both = await part(client, path, node="B", type="node.queued", limit=1)
    earlier = await part(client, path, node="B", type="node.queued", before=both["next_before"])

    assert {event["node_id"] for event in of_node["items"]} == {"B"}
    assert [event["type"] for event in of_types["items"]] == ["node.retrying", "execution.completed"]
    assert [event["attempt"] for event in both["items"] + earlier["items"]] == [2, 1]
    assert (of_node["next_before"], of_types["next_before"]) == (None, None)


async def test_items_are_among_the_events_of_their_node(client: httpx2.AsyncClient, rig: Rig) -> None:
    mapped = node("M", handler="transform", map={"items": [1, 2]}) | {"config": {"expression": "{{ item }}"}}
    path = await begin(client, mapped, node("P"))
    held = await rig.worker.start()
    if "M" not in held:
        rig.worker.handlers += "transform "
        held = await rig.worker.start()
    await rig.transitions.map_node(held["M"], [b"1", b"2"], tolerated=0, stops=False)

    of_node = (await part(client, path, node="M"))["items"]
    of_item = (await part(client, path, node="M[1]"))["items"]

    assert {event.get("item") for event in of_node} == {None, 0, 1}
    assert [(event["type"], event["item"]) for event in of_item] == [("node.queued", 1)]


async def test_a_part_ends_where_it_has_looked_far_enough(
    client: httpx2.AsyncClient, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await begin(client, node("A"), node("B"))
    held = await rig.worker.start()
    line = orjson.dumps({"level": "info", "message": "line"})
    await rig.transitions.report_events(held["B"], [(n, "node.log", line) for n in range(1, 201)])
    monkeypatch.setattr(histories, "MOST_SCANNED", 80)
    found: list[int] = []
    rounds, looked = 0, await part(client, path, node="A")

    while True:
        found = seqs(looked) + found
        rounds += 1
        if looked["next_before"] is None:
            break
        looked = await part(client, path, node="A", before=looked["next_before"])

    monkeypatch.undo()
    assert found == seqs(await part(client, path, node="A"))
    assert rounds == 3
    onward = await part(client, path, node="A", after=found[-1], type="node.log")
    assert (onward["items"], onward["next_after"]) == ([], None)


async def test_of_a_history_whose_beginning_is_gone_the_rest_is_served(
    client: httpx2.AsyncClient, rig: Rig, path: str
) -> None:
    await rig.redis.xtrim(rig.store.keys.events(path.rpartition("/")[2]), minid="4-0", approximate=False)

    found = await part(client, path)

    assert seqs(found)[0] == 4
    assert found["next_before"] is None
    assert (await part(client, path, after=0, limit=1))["items"][0]["seq"] == 4


async def test_attempts_are_shown_with_everything_about_them(client: httpx2.AsyncClient, path: str) -> None:
    answer = (await client.get(f"{path}/nodes/B/attempts")).json()

    first, second = answer["items"]
    assert answer["truncated"] is False
    assert (first["attempt"], first["try"], first["outcome"], first["cause"]) == (1, 1, "retrying", None)
    assert first["error"]["type"] == "Http.5xx"
    assert first["next_try_at"] == first["ended_at"]
    assert (second["attempt"], second["try"], second["outcome"], second["cause"]) == (
        2,
        2,
        "completed",
        "operator",
    )
    assert (second["worker"], second["error"], second["next_try_at"]) == ("w1", None, None)
    assert second["queued_at"] <= second["started_at"] <= second["ended_at"]
    assert (second["waiting_on"], second["operator"], second["log_lines"], second["logs"]) == (
        None,
        None,
        0,
        [],
    )


async def test_logs_of_an_attempt_are_shown_as_they_were_given(client: httpx2.AsyncClient, rig: Rig) -> None:
    path = await begin(client, node("A"))
    line = {"level": "warning", "message": "hm", "data": {"n": 2**70}}
    body = b'{"level":"warning","message":"hm","data":{"n":1180591620717411303424}}'
    await rig.transitions.report_events(await rig.worker.start_one("A"), [(1, "node.log", body)])

    (attempt,) = (await client.get(f"{path}/nodes/A/attempts")).json()["items"]

    assert (attempt["outcome"], attempt["log_lines"]) == ("running", 1)
    (shown,) = attempt["logs"]
    assert {name: shown[name] for name in line} == line
    assert (shown["seq"], shown["ts"][-1]) == (5, "Z")


@pytest.mark.parametrize(
    "rest",
    [
        "/history?node=X", "/history?node=A[1]", "/history?node=%24%24", "/nodes/X/attempts",
        "/nodes/A[0]/attempts",
    ],
)  # fmt: skip
async def test_a_node_that_is_unknown_is_404(client: httpx2.AsyncClient, path: str, rest: str) -> None:
    answer = await client.get(path + rest)

    assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")


@pytest.mark.parametrize("rest", ["history", "nodes/A/attempts"])
async def test_an_execution_that_is_unknown_is_404(client: httpx2.AsyncClient, rest: str) -> None:
    answer = await client.get(f"/v1/executions/{UNKNOWN}/{rest}")

    assert (answer.status_code, answer.json()["code"]) == (404, "EXECUTION_NOT_FOUND")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "before=0", "after=-1", "before=9999999999999999999"]
)
async def test_what_no_number_of_an_event_can_be_is_refused(
    client: httpx2.AsyncClient, path: str, query: str
) -> None:
    answer = await client.get(f"{path}/history?{query}")

    assert answer.status_code == 422

"""A run: how long its result is waited for."""

from __future__ import annotations

import httpx2
import pytest

from headrace import Client, RunNotEnded, run
from tests.unit.sdk.answering import Clock


@pytest.mark.parametrize(
    ("timeout", "asked"),
    [(0, [None]), (-1, [None]), (0.3, ["1"]), (1.2, ["2"]), (100.5, ["60", "41"])],
)
def test_a_result_is_waited_for_in_whole_seconds_and_as_long_as_the_server_holds_a_request(
    monkeypatch: pytest.MonkeyPatch, timeout: float, asked: list[str | None]
) -> None:
    waits: list[str | None] = []
    clock = Clock()
    monkeypatch.setattr(run, "time", clock)

    def answer(request: httpx2.Request) -> httpx2.Response:
        waits.append(request.url.params.get("wait"))
        clock.now_s += float(waits[-1] or 0)
        return httpx2.Response(200, json={"execution_id": "e1", "name": "n", "status": "RUNNING"})

    client = Client("http://server", transport=httpx2.MockTransport(answer))
    with client, pytest.raises(RunNotEnded, match="execution e1 is RUNNING after"):
        client.find_run("e1").result(timeout=timeout)

    assert waits == asked

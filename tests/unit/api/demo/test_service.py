"""What the demo's workflow calls: turned away twice, broken until it is mended, a message kept once."""

from __future__ import annotations

import contextlib

import pytest

from api.demo.service import FAILING_CITY, LONGEST_S, MOST_RUNS, SHORTEST_S, DemoService, Unavailable


def turned_away(service: DemoService, run: str) -> int:
    """Count the calls for fares that are turned away before one is answered."""
    for number in range(10):
        with contextlib.suppress(Unavailable):
            service.fares(run)
            return number
    raise AssertionError("never answered")


def test_the_weather_of_a_city_is_the_same_at_any_time_and_takes_some() -> None:
    service = DemoService()

    found = service.weather("Cairo", "one", fails=False)

    assert found == service.weather("Cairo", "two", fails=True)
    assert found["city"] == "Cairo" and isinstance(found["temperature_c"], int) and found["sky"]
    assert isinstance(service.weather("Nowhere", "", fails=False)["temperature_c"], int)
    assert all(SHORTEST_S <= service.pause_s() <= LONGEST_S for _ in range(100))


def test_each_execution_is_turned_away_twice() -> None:
    service = DemoService()

    with pytest.raises(Unavailable) as found:
        service.fares("other")

    assert (found.value.status, found.value.retry_after_s) == (503, 2)
    assert [turned_away(service, run) for run in ("one", "two", "one", "other")] == [2, 2, 0, 1]


def test_the_failing_city_fails_in_the_execution_that_wants_it_until_it_is_mended() -> None:
    service = DemoService()
    service.weather(FAILING_CITY, "calm", fails=False)
    for _ in range(2):
        with pytest.raises(Unavailable, match="POST /demo/fix mends it") as found:
            service.weather(FAILING_CITY, "one", fails=True)
        assert (found.value.status, found.value.retry_after_s) == (500, None)

    assert (service.fix(), service.fix()) == (1, 0)
    assert service.weather(FAILING_CITY, "one", fails=True)["city"] == FAILING_CITY
    with pytest.raises(Unavailable):
        service.weather(FAILING_CITY, "later", fails=True)


def test_the_oldest_executions_are_forgotten() -> None:
    service = DemoService()
    assert turned_away(service, "first") == 2
    for number in range(MOST_RUNS):
        turned_away(service, str(number))

    assert turned_away(service, "first") == 2


def test_a_message_that_comes_again_is_counted_and_not_kept_twice() -> None:
    service = DemoService()
    first = {"webhook-id": "msg_1", "webhook-signature": "v1,abc"}
    service.receive(first, {"n": 1}, "10:00")
    service.receive({"webhook-id": "msg_2"}, {"n": 2}, "10:01")
    service.receive(first, {"n": 1}, "10:02")

    newest, oldest = service.inbox()
    assert (newest["webhook_id"], newest["is_signed"], newest["times"]) == ("msg_2", False, 1)
    assert oldest == {
        "webhook_id": "msg_1", "is_signed": True, "times": 2, "received_at": "10:00", "body": {"n": 1},
    }  # fmt: skip

"""What only reads is sent again while Redis is away, as long as a request may wait; nothing else is."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from clients import patience
from clients.patience import READS, only_read, patiently
from clients.redis_client import PASSING_FAULTS
from clients.waiting import WaitBudget
from headrace.backoff import Backoff


class Away:
    """A store that is away for some tries."""

    def __init__(self, tries: int) -> None:
        self.left = tries
        self.asked = 0

    async def read(self) -> str:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise RedisConnectionError("away")
        return "here"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AGAIN", Backoff(first_s=0.0, most_s=0.0))


async def test_a_request_waits_until_the_store_is_back() -> None:
    away = Away(3)

    with WaitBudget(1.0).applied():
        assert await patiently(away.read, PASSING_FAULTS) == "here"

    assert away.asked == 4


async def test_whatever_is_no_request_hears_of_it_at_once() -> None:
    away = Away(1)

    with pytest.raises(RedisConnectionError):
        await patiently(away.read, PASSING_FAULTS)

    assert away.asked == 1


async def test_a_request_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AGAIN", Backoff(first_s=0.1, most_s=0.1))
    away = Away(10)

    with WaitBudget(0.05).applied(), pytest.raises(RedisConnectionError):
        await patiently(away.read, PASSING_FAULTS)

    assert away.asked == 1


async def test_what_is_called_a_read_only_reads(redis: Redis) -> None:
    facts = await redis.command()

    # TIME reads no key; the subcommands of XINFO say it for themselves.
    assert {
        name for name in READS - {"TIME", "XINFO"} if "readonly" not in facts[name.lower()]["flags"]
    } == set()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["GET"], True),
        (["XINFO STREAM", "HGETALL"], True),
        (["GET", "SET"], False),
        (["INFO"], False),
        ([b"GET"], False),
    ],
)
def test_one_that_writes_makes_writes_of_them_all(names: list[object], expected: bool) -> None:
    assert only_read(names) is expected

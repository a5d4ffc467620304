"""Shares of a queue: what one reader may take at once."""

from __future__ import annotations

import pytest

from workers.runtime.shares import Shares


@pytest.mark.parametrize(
    ("ready", "readers", "free", "share"),
    [
        (32, 3, 64, 11),
        (32, 1, 64, 32),
        (32, 3, 4, 4),
        (8, 2, 64, 4),
        (1, 5, 64, 1),
        (0, 3, 64, 1),
    ],
)
def test_a_share_is_rounded_up_and_bounded_by_free_slots(
    ready: int, readers: int, free: int, share: int
) -> None:
    shares = Shares(["default"])
    shares.update([readers])

    assert shares.share("default", ready=ready, free=free) == share


def test_until_others_are_known_a_worker_is_the_only_reader() -> None:
    shares = Shares(["default", "slow"])
    assert shares.text == "default=1 slow=1"

    shares.update([3, 0])

    assert shares.text == "default=3 slow=1"
    assert [shares.readers("default"), shares.readers("slow")] == [3, 1]

"""The pauses between tries grow to their cap, within their jitter, however many tries there are."""

from __future__ import annotations

import pytest

from headrace.backoff import Backoff


@pytest.mark.parametrize(
    ("tries", "pause_s"), [(0, 0.1), (1, 0.1), (2, 0.2), (3, 0.4), (5, 1.0), (10_000, 1.0)]
)
def test_a_pause_doubles_up_to_its_cap(tries: int, pause_s: float) -> None:
    steady = Backoff(first_s=0.1, most_s=1.0, jitter=(1.0, 1.0))

    assert steady.pause_s(tries) == pytest.approx(pause_s)


def test_jitter_keeps_within_its_bounds() -> None:
    spread = Backoff(first_s=2.0, most_s=2.0, jitter=(0.5, 1.5))

    pauses = [spread.pause_s(1) for _ in range(500)]

    assert 1.0 <= min(pauses) < 1.2
    assert 2.8 < max(pauses) <= 3.0

"""The time zone that was probably meant."""

from __future__ import annotations

import pytest

from orchestrator.documents.zones import zone_hint


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("singapore", "Singapore"),
        ("utc", "UTC"),
        ("Mars/Olympus", None),
        ("x" * 1_000, None),
    ],
)
def test_the_nearest_name_is_given_or_that_of_the_place(name: str, meant: str | None) -> None:
    assert zone_hint(name) == (meant and f"did you mean {meant!r}?")

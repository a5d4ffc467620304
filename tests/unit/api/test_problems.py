"""One table from error type to HTTP status."""

from typing import Any

import pytest

from api.problems import DOORS, definition_status, door_of
from orchestrator import errors


def subclasses(kind: type[Any]) -> list[type[Any]]:
    return [found for below in kind.__subclasses__() for found in [below, *subclasses(below)]]


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["graph"], 400),
        (["shape"], 422),
        (["size"], 413),
        (["graph", "shape"], 422),
        (["graph", "shape", "size"], 413),
        ([], 400),
    ],
)
def test_status_of_a_refused_definition_follows_the_worst_kind(kinds: list[str], status: int) -> None:
    assert definition_status(kinds) == status


def test_every_error_of_the_engine_has_a_row() -> None:
    named = [kind for kind in subclasses(errors.HeadraceError) if kind.__module__ == "orchestrator.errors"]

    missing = [kind.__name__ for kind in named if not set(kind.__mro__) & set(DOORS)]

    assert missing == []


def test_an_unknown_error_is_internal() -> None:
    assert door_of(KeyError("x")).status == 500

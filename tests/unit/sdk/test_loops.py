"""The event loop that async handlers share."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from headrace._loops import new_loop


def kind(wanted: str) -> str:
    loop = new_loop(wanted)
    loop.close()
    return type(loop).__module__.partition(".")[0]


def test_it_is_the_quicker_one_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind("auto") == "uvloop"
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert kind("auto") == "asyncio"


def test_it_is_that_of_asyncio_where_that_is_asked_for() -> None:
    assert kind("asyncio") == "asyncio"


@pytest.mark.parametrize("name", ["nest_asyncio", "nest_asyncio2"])
def test_code_that_nests_loops_has_one_that_can_be_nested(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))

    assert kind("auto") == "asyncio"

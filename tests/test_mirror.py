"""Every pure file has a unit test of its name, where a reader looks for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from docs import generate

ROOT = generate.ROOT
#: Rooms that do no input and no output.
PURE_ROOMS = ("documents", "templates", "definitions", "lint", "execution")

#: Pure files without a test of their name, and why.
EXEMPT = {
    "orchestrator/documents/limits.py": "a value without methods; each bound is tested where it is kept",
    "orchestrator/execution/explanation.py": "a value and its wording, read in every test of explain",
    "orchestrator/execution/letters.py": "values without methods, read in every test of letters and journals",
    "orchestrator/store/losses.py": "one call, tested where leases run out and hosts are lost",
    "orchestrator/store/requests.py": "values that scripts take, tested with the scripts",
    "orchestrator/store/replies.py": "values that scripts give, tested with the scripts",
    "orchestrator/store/records.py": "reads what scripts have written, tested with Redis",
}
#: Tests that look at a pure room from a side that has no file.
STRAYS = {"test_planner_orders.py": "whole executions under every order of completion"}


@pytest.mark.parametrize("room", [*PURE_ROOMS, "store"])
def test_every_pure_file_has_a_test_of_its_name(room: str) -> None:
    lacking = {
        name
        for path in sorted((ROOT / "orchestrator" / room).glob("*.py"))
        if path.name != "__init__.py" and (room in PURE_ROOMS or _is_pure(path))
        if (name := str(path.relative_to(ROOT))) not in EXEMPT
        if not (ROOT / "tests" / "unit" / "orchestrator" / room / f"test_{path.name}").is_file()
    }

    assert not lacking, "write tests/unit/<path>/test_<name>.py, or give the reason in EXEMPT"


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_every_test_of_a_pure_room_has_its_file(room: str) -> None:
    strays = {
        path.name
        for path in sorted((ROOT / "tests" / "unit" / "orchestrator" / room).glob("test_*.py"))
        if not (ROOT / "orchestrator" / room / path.name.removeprefix("test_")).is_file()
    }

    assert strays <= STRAYS.keys()


def test_no_exemption_is_left_behind() -> None:
    gone = {
        name
        for name in EXEMPT
        if not (ROOT / name).is_file()
        or (ROOT / "tests" / "unit" / Path(name).parent / f"test_{Path(name).name}").is_file()
    }

    assert not gone


def _is_pure(path: Path) -> bool:
    """Whether nothing in a file waits for Redis."""
    return not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text())))

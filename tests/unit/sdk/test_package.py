"""The package stands alone: it imports nothing of the engine, and little at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from docs.generate import ROOT
from headrace.client import Client, Parts

SOURCE = ROOT / "sdk" / "src"


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded, which finds the package and its own libraries."""
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_it_loads_no_library_and_nothing_of_the_engine() -> None:
    loaded = modules_after("import headrace; headrace.handler('x')(lambda config, context: None)")

    assert loaded.isdisjoint({"httpx2", "pydantic", "orjson", "asyncio"})
    assert loaded.isdisjoint({"api", "cli", "clients", "orchestrator", "workers"})


@pytest.mark.parametrize(
    "module",
    [
        "main",
        "workers.worker",
        "orchestrator.starter",
        "workers.simulator.process",
        "workers.simulator.schema_process",
        "cli.stack.healthcheck",
        "cli.stack.echo_service",
        "benchmarks.worker",
    ],
)
def test_each_process_of_the_engine_finds_it_without_a_path_that_is_set(module: str) -> None:
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = f"import {module}, headrace; print(headrace.__file__)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=plain
    )

    assert done.stdout.strip() == str(SOURCE / "headrace" / "__init__.py")


def test_every_public_name_is_there() -> None:
    import headrace

    assert [name for name in headrace.__all__ if not hasattr(headrace, name)] == []


def test_every_part_is_made_when_it_is_first_used() -> None:
    with Client() as client:
        kinds = {name: type(getattr(client, name)).__name__ for name in Parts.__annotations__}

        assert {name: f"{kind}[Way]" for name, kind in kinds.items()} == Parts.__annotations__
        assert kinds.keys() <= set(dir(client))
        assert client.executions is client.executions
        with pytest.raises(AttributeError, match="'Client' object has no attribute 'execution'"):
            client.execution  # type: ignore[attr-defined]  # noqa: B018

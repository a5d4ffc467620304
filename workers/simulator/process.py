"""Answers simulations, one line of JSON in, one out: `python -m workers.simulator.process`.

A process of its own, because templates are evaluated here: neither the API nor the command line does that.
A line in: {"definition", "inputs"?, "trigger"?, "stubs"?, "namespace"?, "patience_s"?, "stub_foreign"?};
definition and stubs are objects, or YAML as text; `stub_foreign` stubs handlers that a worker elsewhere may
have. Or {"forget": [namespace]}, which deletes the keys of simulations that were
killed.
A line out: {"result": …}, or {"error": {"code", "message", "problems"?}}.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from clients.redis_client import connect_blocking
from config import get_settings
from logs import run_process
from orchestrator.definitions.unknown_inputs import unknown_inputs
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import Locate, load_yaml, located
from orchestrator.errors import (
    DefinitionInvalid,
    HeadraceError,
    InputsInvalid,
    Problem,
    StartInvalid,
    StoreUnavailable,
)
from orchestrator.redis_keys import Keys
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from wiring import keys_of, limits_of, usable_while_serving
from workers.simulator.report import NodeReport, Simulation
from workers.simulator.simulator import PATIENCE_S, Simulator, namespace_keys
from workers.simulator.stub_checks import StubsInvalid
from workers.simulator.stub_foreign import with_foreign
from workers.simulator.stubs import Stubs

log = logging.getLogger("headrace.simulator")

#: Equal questions get equal answers, jitter included.
SEED = 7
LONGEST_LINE_BYTES = 32 * 1024 * 1024


async def answer(line: bytes, redis: Redis, *, keys: Keys, limits: Limits) -> dict[str, Any]:
    """Answer one question; whatever is wrong with it is an answer too."""
    random.seed(SEED)
    try:
        asked = exact_json.loads(line)
        if namespaces := asked.get("forget"):
            for namespace in namespaces:
                await Transitions(redis, namespace_keys(keys, namespace)).delete_namespace()
            return {"result": None}
        stubs, find_stub = _read_stubs(asked.get("stubs"), limits)
        document, locate = _read(asked.get("definition"), limits)
        if not isinstance(document, dict):
            problem = Problem("definition", "wrong_type", "a workflow must be an object")
            raise DefinitionInvalid([problem])
        if asked.get("stub_foreign"):
            stubs = with_foreign(stubs, document, limits)
        inputs = asked.get("inputs")
        if not isinstance(inputs, dict | None):
            raise InputsInvalid([Problem("inputs", "wrong_type", "inputs are an object")])
        try:
            announced = await Store(redis, keys).announced()
            patience_s = asked.get("patience_s", PATIENCE_S)
            simulator = Simulator(
                redis,
                stubs=stubs,
                keys=keys,
                limits=limits,
                handlers=announced,
                namespace=asked.get("namespace"),
            )
            trigger = asked.get("trigger")
            played = await simulator.run(document, inputs, trigger=trigger, patience_s=patience_s)
            ignored = [problem.to_dict() for problem in unknown_inputs(document, inputs)]
            return {"result": rendered(played) | ({"warnings": ignored} if ignored else {})}
        except StubsInvalid as error:
            raise StubsInvalid(_found_in_stubs(error.problems, find_stub)) from None
        except DefinitionInvalid as error:
            if locate is not None:
                raise DefinitionInvalid(located(error.problems, locate)) from None
            raise
    except (DefinitionInvalid, InputsInvalid, StartInvalid) as error:
        return _refusal(error, error.problems)
    except HeadraceError as error:
        return _refusal(error)
    except (RedisError, OSError) as error:
        return _refusal(StoreUnavailable(f"{type(error).__name__}: {error}"))
    except Exception:
        # A fault of ours must not take the next question with it.
        log.exception("simulation.fault")
        return {"error": {"code": "INTERNAL_ERROR", "message": "the simulation failed", "problems": []}}


def rendered(simulation: Simulation) -> dict[str, Any]:
    """A simulation as JSON. Outputs are parsed; times are virtual milliseconds since the start."""
    return {
        "status": str(simulation.status),
        "reason": simulation.reason,
        "duration_ms": simulation.duration_ms,
        "nodes": [_node(played) for played in simulation.nodes],
        "outputs": {
            each.node_id: _parsed(each.output) for each in simulation.nodes if each.output is not None
        },
        "path": [
            {"at_ms": moment, "event": event, "node_id": node_id}
            for moment, event, node_id in simulation.path
        ],
        "waiting": list(simulation.waiting),
        "output": _parsed(simulation.output),
        "output_error": simulation.output_error,
    }


def _node(played: NodeReport) -> dict[str, Any]:
    state = played.state
    return {
        "node_id": played.node_id,
        "status": str(state.status),
        "reason": str(state.reason) if state.reason else None,
        "waiting_on": str(state.waiting_on) if state.waiting_on else None,
        "attempts": state.tries,
        "start_ms": played.start_ms,
        "end_ms": played.end_ms,
        "error": state.error,
    }


def _parsed(output: bytes | None) -> Any:
    return exact_json.loads(output) if output else None


def _read(sent: Any, limits: Limits) -> tuple[Any, Locate | None]:
    return load_yaml(sent, limits=limits) if isinstance(sent, str) else (sent, None)


def _read_stubs(sent: Any, limits: Limits) -> tuple[Stubs, Locate | None]:
    """Read stubs, and how to find a place in them. Raises StubsInvalid; its paths begin with `stubs`."""
    try:
        document, locate = _read(sent, limits)
    except DefinitionInvalid as error:
        raise StubsInvalid(
            replace(problem, path=f"stubs.{problem.path}" if problem.path else "stubs")
            for problem in error.problems
        ) from None
    try:
        return Stubs.from_dict(document), locate
    except DefinitionInvalid as error:
        raise StubsInvalid(_found_in_stubs(error.problems, locate)) from None


def _found_in_stubs(problems: Iterable[Problem], locate: Locate | None) -> list[Problem]:
    if locate is None:
        return list(problems)
    bare = [replace(each, path=each.path.removeprefix("stubs").lstrip(".")) for each in problems]
    return [replace(each, path=f"stubs.{each.path}".rstrip(".")) for each in located(bare, locate)]


def _refusal(error: HeadraceError, problems: Iterable[Problem] = ()) -> dict[str, Any]:
    found = [asdict(problem) for problem in problems]
    return {"error": {"code": error.code, "message": str(error), "problems": found}}


async def main() -> None:
    """Answer line after line until standard input ends. Raises ConfigError where Redis cannot be used."""
    settings = get_settings()
    redis = connect_blocking(settings.redis_dsn)
    keys, limits = keys_of(settings), limits_of(settings)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    task = asyncio.current_task()
    assert task is not None
    # Cancelled, not killed: a simulation takes its keys with it.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with usable_while_serving(redis, settings):
            while line := await reader.readline():
                found = await answer(line, redis, keys=keys, limits=limits)
                sys.stdout.buffer.write(exact_json.dumps(found) + b"\n")
                sys.stdout.buffer.flush()
    except asyncio.CancelledError:
        pass
    finally:
        await redis.aclose()


if __name__ == "__main__":
    run_process(main, get_settings)

"""`./headrace simulate FILE`: run a workflow with stubs and virtual time, and show its path."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands.api_call import ExitCode, say_warnings, usage_error
from cli.commands.documents import STDIN, has_steps, read_definition, read_inputs, read_text, read_trigger
from cli.commands.local_checks import LocalRefusal, judge_here
from cli.commands.options import InputsOption, TriggerFileOption
from cli.output.text import json_line, json_text
from cli.stack import ports
from cli.stack.info import ROOT
from cli.stack.redis_binary import NoServer, find_binary

STARTING_S = 10.0
#: Another process may take the port that was found for a server.
STARTS = 3
SIMULATING_S = 60.0
_CODES = {"COMPLETED": ExitCode.SUCCESS, "CANCELLED": ExitCode.CANCELLED}


def simulate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Workflow as JSON or YAML; - reads standard input.")
    ],
    stubs: Annotated[
        Path | None,
        typer.Option(
            "--stubs",
            help="Stubs of nodes and handlers, as YAML or JSON.",
            show_default="NAME.stubs.yaml beside the file, where there is one",
        ),
    ] = None,
    inputs: InputsOption = None,
    inputs_file: Annotated[Path | None, typer.Option("--inputs", help="Inputs as a JSON file.")] = None,
    trigger_file: TriggerFileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Run a workflow with stubs and virtual time.

    Nothing real is called, no time passes, nothing is kept. Exit code: 0 completed, 1 failed or stuck,
    2 usage or a refused workflow, 3 cancelled, 5 no Redis.
    """
    from config import SettingsInvalid, read_settings

    try:
        # The simulator process reads them too, but its refusal would be JSON lines of a log.
        read_settings()
        definition = native(file, read_definition(file))
        stubs = stubs or stubs_beside(file)
        question = {
            "definition": definition,
            "stubs": read_text(stubs) if stubs else None,
            "inputs": read_inputs(inputs, inputs_file, definition),
            "trigger": read_trigger(trigger_file),
            "stub_foreign": True,
        }
    except SettingsInvalid as error:
        for line in error.lines:
            typer.echo(f"headrace simulate: {line}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    except (ValueError, LocalRefusal) as error:
        raise usage_error("simulate", error) from None
    try:
        with throwaway_redis() as url:
            answer = ask(question, url)
    except (NoServer, OSError, TimeoutError) as error:
        typer.echo(f"headrace simulate: {error}", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE) from None
    if refused := answer.get("error"):
        for line in refusal(file, stubs, refused):
            typer.echo(line, err=True)
        is_usage = bool(refused["problems"])
        raise typer.Exit(ExitCode.USAGE if is_usage else ExitCode.FAILED)
    result = answer["result"]
    say_warnings(result.get("warnings", ()))
    for line in [json_text(result)] if as_json else as_text(result):
        typer.echo(line)
    raise typer.Exit(_CODES.get(result["status"], ExitCode.FAILED))


def native(file: Path, definition: dict[str, Any] | str) -> dict[str, Any] | str:
    """The definition that the API would make of a document with `steps`; any other as it is.

    Raises ValueError with what is wrong with it.
    """
    if not has_steps(definition):
        return definition
    (found,) = judge_here([definition])
    for problem in found["errors"]:
        raise ValueError(f"{file}:{problem.get('line', 1)}: {problem['message']}")
    document: dict[str, Any] = found["document"]
    return document


def stubs_beside(file: Path) -> Path | None:
    """Find `order.stubs.yaml` for `order.yaml`; None where there is none, and for standard input."""
    found = file.with_name(f"{file.stem}.stubs.yaml")
    if file == STDIN or not found.is_file():
        return None
    typer.echo(f"stubs: {found}", err=True)
    return found


@contextlib.contextmanager
def throwaway_redis() -> Iterator[str]:
    """Run a Redis that keeps nothing, and give its URL. Raises NoServer, TimeoutError."""
    binary = find_binary()
    with tempfile.TemporaryDirectory(prefix="headrace-simulate-") as directory:
        for _ in range(STARTS):
            port = ports.free_port()
            options = {"port": str(port), "bind": ports.LOCAL, "dir": directory, "save": ""}
            words = [word for name, value in options.items() for word in (f"--{name}", value)]
            server = subprocess.Popen(
                [binary.path, *words, "--appendonly", "no"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                if _is_ready(server, port, directory):
                    yield f"redis://{ports.LOCAL}:{port}/0"
                    return
            finally:
                server.kill()
                server.wait()
        raise TimeoutError(f"{binary.label} ({binary.path}) did not start on port {port}")


def _is_ready(server: subprocess.Popen[bytes], port: int, directory: str) -> bool:
    """Wait for this very server: another one that took the port would answer as well."""
    give_up_at = time.monotonic() + STARTING_S
    while server.poll() is None and time.monotonic() < give_up_at:
        if ports.redis_directory(ports.LOCAL, port) == os.path.realpath(directory):
            return True
        time.sleep(0.005)
    return False


def ask(question: dict[str, Any], redis_url: str) -> dict[str, Any]:
    """Ask a simulator process. Raises TimeoutError, and OSError where it ends without an answer."""
    environment = {**os.environ, "REDIS_URL": redis_url, "LOG_LEVEL": "ERROR"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "workers.simulator.process"],
            input=json.dumps(question).encode() + b"\n",
            stdout=subprocess.PIPE,
            env=environment,
            timeout=SIMULATING_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"the simulator gave no answer within {SIMULATING_S:g} s") from None
    if not done.stdout:
        raise OSError(f"the simulator ended with exit code {done.returncode} and no answer")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def as_text(result: dict[str, Any]) -> Iterator[str]:
    """Nodes in the order in which they ended, then outputs and the end."""
    width = max(len(node["node_id"]) for node in result["nodes"])
    ended = sorted(result["nodes"], key=lambda node: (node["end_ms"] is None, node["end_ms"] or 0))
    for node in ended:
        words = [node["status"]]
        if node["reason"]:
            words.append(f"({node['reason']})")
        if node["waiting_on"]:
            words.append(f"on {node['waiting_on']}")
        if node["attempts"] > 1:
            words.append(f"after {node['attempts']} tries")
        if node["error"] and (node["status"] == "FAILED" or node["waiting_on"] == "operator"):
            words.append(f"{node['error']['type']}: {node['error']['message']}")
        yield f"{_moment(node['end_ms']):>10}  {node['node_id']:<{width}}  {' '.join(words)}"
    for node_id, output in result["outputs"].items():
        text = json_line(output)
        yield f"{node_id} = {text if len(text) <= 400 else text[:400] + '…'}"
    if result.get("output") is not None:
        text = json_line(result["output"])
        yield f"output = {text if len(text) <= 400 else text[:400] + '…'}"
    if error := result.get("output_error"):
        yield f"output: {error['type']}: {error['message']}"
    reason = f" ({result['reason']})" if result["reason"] else ""
    yield f"{result['status']}{reason} after {_moment(result['duration_ms'])} of virtual time"
    asking = [node["node_id"] for node in result["nodes"] if node["waiting_on"] == "operator"]
    others = [node_id for node_id in result["waiting"] if node_id not in asking]
    if result["status"] == "PAUSED":
        about = f", or to decide about {', '.join(asking)} and then resume it" if asking else ""
        yield f"waiting for an operator to resume it{about}"
        if others:
            yield f"also waiting: {', '.join(others)}"
    elif others:
        yield f"still waiting, and no stub ends the wait: {', '.join(others)}"


def refusal(file: Path, stubs: Path | None, refused: dict[str, Any]) -> Iterator[str]:
    """Why it was not simulated, a line for each problem."""
    if not refused["problems"]:
        yield f"headrace simulate: {refused['message']}"
    for problem in refused["problems"]:
        is_input = problem["code"] == "bad_input"
        where = stubs if problem["path"].startswith("stubs") else "inputs" if is_input else file
        line = f":{problem['line']}:{problem['column']}" if problem.get("line") else ""
        hint = f"; {problem['hint']}" if problem.get("hint") else ""
        yield f"{where}{line}: {problem['message']}{hint}"


def _moment(ms: int | None) -> str:
    """A span of virtual time: `0 s`, `1.5 s`, `2 h 5 min`."""
    if ms is None:
        return "–"
    seconds = ms / 1000
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"

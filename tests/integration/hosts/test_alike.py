"""A test of a handler sees the end that a worker gives it: the same error, details, output and events."""

from __future__ import annotations

import textwrap
from typing import Any

from headrace.testing import Ran, run_async
from tests.integration.hosts.projects import HEAD, Project
from tests.makers import node

HANDLERS = """
from dataclasses import dataclass

from headrace import Skipped

class Odd(dict):
    def items(self):
        raise KeyError("odd")

@dataclass
class Lazy:
    total: int
    def __getattribute__(self, name):
        if name == "total":
            raise LookupError("not yet")
        return object.__getattribute__(self, name)

async def fetch():
    return 1

def rows():
    yield 1

async def pages():
    yield 1

def deep(levels):
    if levels:
        return deep(levels - 1)
    raise ValueError("x" * 3_000 + "\\n  end")

def end(config, context):
    match config["how"]:
        case "bug": return deep(60)
        case "untyped details":
            error = ValueError("odd")
            error.details = {"a": 1}
            raise error
        case "terminal": raise Terminal("one\\n two", type="Mine")
        case "retryable": raise Terminal("never", details={"a": {1}})
        case "exit": sys.exit("stop")
        case "coroutine": return {"rows": [fetch()]}
        case "generator": return rows()
        case "pages": return pages()
        case "exception": return Terminal("no")
        case "set": return {"tags": {1}}
        case "odd": return Odd(a=1)
        case "lazy": return [Lazy(1)]
        case "large": return "x" * 2_000_000
        case "large wait": return Waiting(delay_ms=1, output="x" * 2_000_000)
        case "large with events": return Completed("x" * 2_000_000, events=[("Made", 1)])
        case "bad wait": return Waiting()
        case "bad park": return Parked(until_ms=-1)
        case "bad branch": return Completed(1, not_taken=["a"])
        case "bad event": return Completed(1, events=[("Made", 1), ("no name!", 2)])
        case "bad value": return Completed(1, events=[("Made", 1), ("Made", {1})])
        case "large event": return Completed(1, events=[("Made", 1), ("Made", "x" * 300_000)])
        case "parents": return Completed(1, events=[("Made", 1), ("Made", 1, ["A"] * 17)])
        case "bad output": return Completed({1}, events=[("Made", 1)])
        case "events": return Completed({"a": (1,)}, events=[("Made", 1), ("Made", {"b": 2})])
        case "skip": raise Skip("nothing\\n  to do")
        case "skipped": return Skipped("")
"""
ENDS = [line.split('"')[1] for line in HANDLERS.splitlines() if line.strip().startswith("case ")]


async def test_a_test_sees_what_a_worker_records(project: Project) -> None:
    await project.start(HANDLERS.replace("\ndef end(", '\n@handler("end")\ndef end('))
    own: dict[str, Any] = {}
    source = HEAD + textwrap.dedent(HANDLERS).replace("\ndef end(", "\n\ndef end(")
    exec(compile(source, project.folder / "handlers.py", "exec"), own)

    execution_id = await project.run(
        *(node(f"n{number}", handler="end", config={"how": how}) for number, how in enumerate(ENDS))
    )

    for number, how in enumerate(ENDS):
        ran = await run_async(own["end"], {"how": how})
        assert seen_by(ran) == await recorded(project, execution_id, f"n{number}"), how


def seen_by(ran: Ran) -> tuple[Any, ...]:
    error = ran.error and (ran.error.type, ran.error.message, ran.error.retryable, ran.error.details)
    return ran.output, error, ran.reason, [value for _, value in ran.events]


async def recorded(project: Project, execution_id: str, node_id: str) -> tuple[Any, ...]:
    found = (await project.state(execution_id, node_id)).error
    error = found and (found["type"], found["message"], found["retryable"], found["details"])
    skipped = await project.events(execution_id, "node.skipped", node_id)
    made = await project.events(execution_id, "node.event", node_id)
    output = await project.output(execution_id, node_id)
    return output, error, skipped[0]["message"] if skipped else None, [each["value"] for each in made]

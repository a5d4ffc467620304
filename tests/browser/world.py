"""Something of every kind that a page can show, and the paths of all pages that show it.

Pages that are not listed in PATHS are visited by no test; `test_every_page.py` compares the list with theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest

from tests.browser.hostile import TEXTS, nested, on_a_line
from tests.browser.stack import Stack
from tests.dags import node, workflow
from tests.source_tree import ROOT

#: The name of each page as the router knows it, with what is special after a comma -> its path.
PATHS = {
    "runs": "/",
    "run, failed": "/ui/runs/{failed}",
    "run, completed": "/ui/runs/{completed}",
    "run, going on": "/ui/runs/{running}",
    "run, a node that failed": "/ui/runs/{failed}?node={broken}",
    "run, a question": "/ui/runs/{running}?node=ask_0",
    "run, a letter": "/ui/runs/{running}?node=clerk",
    "run, unknown": "/ui/runs/00000000-0000-7000-8000-000000000000",
    "compare": "/ui/runs/compare?a={completed}&b={failed}",
    "workflows": "/ui/workflows",
    "workflow": "/ui/workflows/{workflow}",
    "edit, new": "/ui/edit",
    "edit, again": "/ui/edit?run={failed}&node={broken}",
    "edit, workflow": "/ui/edit?workflow={workflow}",
    "approvals": "/ui/approvals",
    "schedules": "/ui/schedules",
    "workers": "/ui/workers",
    "dead": "/ui/dead",
    "settings": "/ui/settings",
    "unknown": "/ui/nothing/here",
}

FORM = {
    "type": "object",
    "properties": {
        "note": {"type": "string", "title": "Note"},
        "amount": {"type": "number", "title": "Amount", "minimum": 0},
        "is_urgent": {"type": "boolean", "title": "Urgent"},
        "reason": {"enum": ["late", "broken"], "title": "Reason"},
    },
    "required": ["note"],
}


@dataclass(frozen=True)
class World:
    """Ids of what there is; `broken` is a node of the failed run."""

    completed: str
    failed: str
    running: str
    workflow: str
    broken: str = "broken_0"

    def path(self, name: str) -> str:
        """The path of a page of PATHS."""
        return PATHS[name].format_map(vars(self))


def plain_world(stack: Stack) -> World:
    """Fill a stack with what a reader finds on an ordinary day."""
    registered = stack.call(
        "POST", "/v1/workflows", {"definition": _ordinary("Order pipeline"), "labels": {"team": "shop"}}
    )
    stack.call("POST", "/v1/schedules", {"workflow": registered["name"], "name": "nightly", "cron": "@daily"})
    completed = stack.submit(_ordinary("Order pipeline"), {"order": 4711})
    failed = stack.submit(_failing("Charge a card"), {"texts": ["the card was refused"]})
    running = stack.submit(_waiting("Refund"), {"texts": ["Refund 250 to ann?"], "form": FORM})
    return _settled(stack, completed, failed, running, registered["name"])


def hostile_world(stack: Stack) -> World:
    """Fill a stack with texts that are meant to do harm, wherever a stranger may put one."""
    texts = [text for text in TEXTS.values() if text.strip()]
    lines = [on_a_line(text, 256) for text in texts]
    for labels in _batches({line[:64].replace(":", ";"): line[:64] for line in lines}):
        stack.submit(_ordinary("Labels"), labels=labels)
    for line in lines:
        stack.submit(_ordinary(line), labels={"text": line[:64]})
    for line, text in zip(lines, texts, strict=True):
        document = _ordinary(line) | {"description": text}
        registered = stack.call("POST", "/v1/workflows", {"definition": document})
    name = registered["name"]
    stack.call("POST", "/v1/schedules", {"workflow": name, "name": "nightly", "cron": "@daily"})
    stack.call("POST", "/v1/schedules/nightly/pause", {"by": texts[0], "reason": texts[5]})

    completed = stack.submit(_ordinary(lines[0]), {"given": nested()}, trigger=nested())
    failed = stack.submit(_failing(lines[5], len(texts)), {"texts": texts})
    running = stack.submit(
        _waiting(lines[9], len(texts)), {"texts": texts, "form": _form_of(texts)}, trigger=nested()
    )
    return _settled(stack, completed, failed, running, name)


def _form_of(texts: list[str]) -> dict[str, Any]:
    fields = {
        text[:100]: {"type": "string", "title": text, "description": text, "default": text} for text in texts
    }
    choice = {"enum": texts, "title": texts[5]}
    return {"type": "object", "title": texts[0], "properties": {**fields, "choice": choice}}


def _settled(stack: Stack, completed: str, failed: str, running: str, name: str) -> World:
    assert stack.wait_end(completed) == "COMPLETED"
    assert stack.wait_end(failed) == "FAILED"
    stack.wait_node(running, "ask_0", "WAITING")
    stack.wait_node(running, "clerk", "WAITING")
    return World(completed, failed, running, name)


def _batches(labels: dict[str, str], size: int = 16) -> Iterator[dict[str, str]]:
    """Part labels into as many as one run may have."""
    rest = iter(labels.items())
    while batch := dict(islice(rest, size)):
        yield batch


def _ordinary(title: str) -> dict[str, Any]:
    """A run that ends well; its first node gives its inputs and logs each of them."""
    return workflow(
        node("fetch", handler="give", config={"output": "{{ inputs }}", "lines": ["fetched"]}),
        node("check", after=["fetch"]),
        node("pack", after=["check"]),
        node("send", after=["check"]),
        node("report", after=["pack", "send"]),
        name=title,
        inputs={"type": "object", "properties": {"order": {"type": "integer", "title": "Order"}}},
    )


def _failing(title: str, count: int = 1) -> dict[str, Any]:
    """Nodes that fail with texts of the inputs, one whose tries are used up, and what never ran for it."""
    broken = [
        node(
            f"broken_{number}",
            handler="break",
            config={"message": f"{{{{ inputs.texts[{number}] }}}}", "lines": "{{ inputs.texts }}"},
        )
        for number in range(count)
    ]
    tries = {"max_attempts": 2, "initial_interval": "1ms"}
    return workflow(
        *broken,
        node("worn_out", handler="unreliable", config={"fail_times": 9}, retry=tries),
        node("after", after=["broken_0"]),
        node("later", after=["after", "worn_out"]),
        name=title,
    )


def _waiting(title: str, count: int = 1) -> dict[str, Any]:
    """Approvals and a letter with texts of the inputs, a signal, a timer, a node that runs until its gate."""
    asking = [
        node(
            f"ask_{number}",
            handler="approval",
            config={"prompt": f"{{{{ inputs.texts[{number}] }}}}", "form": "{{ inputs.form }}"},
        )
        for number in range(count)
    ]
    return workflow(
        *asking,
        node("signal", handler="wait_for_signal", config={"name": "paid"}),
        node("pause", handler="delay", config={"seconds": "1h"}),
        node("work", handler="hold"),
        node(
            "clerk",
            handler="clerk",
            config={"waits_for": "{{ inputs.texts }}", "entries": [{"heard": "{{ inputs.texts }}"}]},
        ),
        node("end", after=["ask_0", "signal", "pause", "work"]),
        name=title,
    )


def needs_page(name: str) -> None:
    """Skip a test of a page that there is no module for."""
    module = name.partition(",")[0]
    if not (ROOT / "ui" / "pages" / f"{module}.js").is_file():
        pytest.skip(f"there is no ui/pages/{module}.js")

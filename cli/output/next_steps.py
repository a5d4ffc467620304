"""The commands that show more of what an explanation names, or end what it waits for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any


def explanation_lines(execution_id: str, found: Mapping[str, Any]) -> Iterator[str]:
    """An explanation, and what to call next."""
    from cli.output.text import printable

    yield printable(f"{found['node_id'] or 'execution'}  {found['status']}")
    yield printable(f"  waits for  {found['waiting_for']}")
    yield printable(f"  woken by   {found['wakes']}")
    for command in commands(execution_id, found):
        yield printable(f"  next       {command}")


def commands(execution_id: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The commands, those that look before those that act."""
    node_id, details = found["node_id"], found.get("details") or {}
    if node_id is None:
        yield from _acting(execution_id, None, details)
        return
    unit = shlex.quote(node_id)
    if items := details.get("failed_items"):
        yield f"./headrace explain {execution_id} {shlex.quote(f'{node_id}[{items[0]}]')}"
        yield f"./headrace items {execution_id} {unit} --status FAILED"
    elif details.get("waiting_on") == "map":
        yield f"./headrace items {execution_id} {unit}"
    elif child := details.get("child"):
        yield f"./headrace explain {child}"
    elif found["status"] == "FAILED":
        yield f"./headrace logs {execution_id} --node {unit}"
    if "last_heard_ms" in details:
        yield "./headrace doctor"
    # What a retry of the execution runs again is said once, by the execution.
    yield from _acting(execution_id, unit, {**details, "actions": _without_retry(details)})


def _without_retry(details: Mapping[str, Any]) -> list[str]:
    return [action for action in details.get("actions") or () if action != "retry"]


def _acting(execution_id: str, unit: str | None, details: Mapping[str, Any]) -> Iterator[str]:
    actions = details.get("actions") or ()
    if "signal" in actions:
        yield f"./headrace signal {execution_id} {shlex.quote(str(details.get('signal')))}"
    if "decide" in actions:
        yield f"./headrace approve {execution_id} {unit} --by YOU   (or deny)"
    if "resume" in actions:
        yield f"./headrace resume {execution_id}"
    if "trigger" in actions:
        yield f"./headrace trigger {execution_id}"
    if "retry" in actions:
        yield f"./headrace retry {execution_id} --preview"

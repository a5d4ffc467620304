"""What others know of a workflow without its code: a definition, the types of its events, and its graph."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from typing import Any

from workflows.events import Event
from workflows.representation import get_workflow_representation
from workflows.workflow import Workflow

from headrace.llama.server import Served
from headrace.llama.start_inputs import inputs_of

#: The one node of the definition, whose inbox takes what clients send.
NODE = "run"
#: Begins the names of the handlers.
HANDLER_PREFIX = "workflow_server."
#: Characters of Python's representation of a graph beyond which schemas and config values are left out.
GRAPH_MAX_CHARS = 200_000


def handler_name(served: Served) -> str:
    """Name the handler of a workflow."""
    return HANDLER_PREFIX + served.name


def definition_of(served: Served) -> dict[str, Any]:
    """Write the definition of a workflow: one durable node, and its interface."""
    workflow = served.workflow
    start, stop = workflow.start_event_class, workflow.stop_event_class
    others = [each for each in event_classes(served) if each not in (start, stop)]
    document: dict[str, Any] = {
        "name": served.name,
        "interface": {
            "start": {"name": start.__name__, **_type_of(start)},
            "stop": {"name": stop.__name__, **_type_of(stop)},
            "events": {each.__name__: _type_of(each) for each in others},
            "inbox": NODE,
            "graph": _graph_of(served),
        },
        "nodes": [
            {
                "id": NODE,
                "handler": handler_name(served),
                "config": {"start": "{{ inputs }}"},
                # It lives as long as the workflow says; parks and lost workers begin further attempts.
                "start_to_close_timeout": "365d",
            }
        ],
        "output": f"{{{{ {NODE} }}}}",
    }
    if (inputs := inputs_of(start)) is not None:
        document["inputs"] = inputs
    if summary := _own_words(workflow).partition("\n")[0]:
        document["description"] = summary
    return document


def event_classes(served: Served) -> list[type[Event]]:
    """List the classes of events that a workflow knows, its start and stop among them."""
    workflow = served.workflow
    ends = [workflow.start_event_class, workflow.stop_event_class]
    return list(dict.fromkeys([*ends, *workflow.events, *served.additional_events]))


def parents_of(event: type[Event]) -> list[str]:
    """Name the classes above one of events, but for the root of all."""
    return [each.__name__ for each in event.__mro__[1:] if issubclass(each, Event) and each is not Event]


def qualified_name_of(event: type[Event]) -> str:
    """Name a class with its module."""
    return f"{event.__module__}.{event.__name__}"


def fingerprints_of(served: Served) -> dict[str, str]:
    """Give a digest of the code of each step: what a run has begun with can be told from what is here now."""
    return {name: _digest(step) for name, step in sorted(served.workflow._get_steps().items())}


def _digest(step: Any) -> str:
    function = inspect.unwrap(getattr(step, "__func__", step))
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = repr((code.co_code, code.co_consts)) if code is not None else repr(function)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _type_of(event: type[Event]) -> dict[str, Any]:
    fields: dict[str, Any] = {"types": parents_of(event), "qualified_name": qualified_name_of(event)}
    # The library's own have no fields that a schema could name.
    if event.model_fields and (schema := _schema_of(event)) is not None:
        fields["schema"] = schema
    return fields


def _schema_of(event: type[Event]) -> dict[str, Any] | None:
    try:
        return event.model_json_schema()
    except Exception:
        return None  # Not every type of pydantic can be described.


def _own_words(workflow: Workflow) -> str:
    """What the class says of itself; "" where it says nothing, and only the library does."""
    return inspect.cleandoc(type(workflow).__doc__ or "")


def _graph_of(served: Served) -> dict[str, Any]:
    """Draw a workflow, without what its interface says: every run holds a copy of both."""
    drawn = get_workflow_representation(served.workflow)
    graph = drawn.model_dump(mode="json", exclude_none=True)
    if not _own_words(served.workflow):
        graph.pop("description", None)
    known = {each.__name__ for each in event_classes(served)}
    is_large = len(repr(graph)) > GRAPH_MAX_CHARS
    for node in graph["nodes"]:
        if node.get("event_type") in known:
            node.pop("event_types", None)
        if node.get("event_type") in known or is_large:
            node.pop("event_schema", None)
        if is_large:
            node.pop("config_value", None)
        # Where the file is on this machine is nobody's business.
        node.pop("source_file", None)
    return graph


def waited_for(served: Served) -> Iterator[str]:
    """Name the classes of events that steps take and no step gives: others have to send them."""
    given: set[Any] = set()
    for step in served.workflow._get_steps().values():
        given.update(each for each in step._step_config.return_types if isinstance(each, type))
    for step in served.workflow._get_steps().values():
        for each in step._step_config.accepted_events:
            if isinstance(each, type) and each is not served.workflow.start_event_class and each not in given:
                yield each.__name__

"""Headrace in Python: handlers, a client, workflows.

from headrace import Client, Context, Retryable, handler

@handler("greet")
def greet(config: dict, context: Context) -> dict:
    return {"text": f"Hello, {config['name']}!"}

with Client("http://localhost:8000") as client:
    print(client.run("greetings", {"name": "Ada"}).result(timeout=30))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.client import AsyncClient, Client
    from headrace.context import Context, LogLevel
    from headrace.durable import Entry, Journaled, Letter, TypedEvent
    from headrace.errors import (
        ApiError,
        Conflict,
        HeadraceError,
        Invalid,
        NotFound,
        NotSendable,
        RunFailed,
        RunNotEnded,
        ServerUnreachable,
        Unauthorized,
        Unavailable,
    )
    from headrace.outcome import (
        Cancelled,
        Completed,
        HandlerFault,
        Parked,
        Retryable,
        Skip,
        Skipped,
        Terminal,
        Waiting,
    )
    from headrace.registration import handler
    from headrace.run import AsyncRun, Run
    from headrace.step import Step
    from headrace.tools import ContainerResult, HttpResult, LlmReply
    from headrace.values import Event, Execution, Node
    from headrace.workflow import Workflow

#: What is imported when it is first used: a module of handlers needs no HTTP client, a command no handlers.
_LATER = {
    "handler": "registration",
    **dict.fromkeys(("Context", "LogLevel"), "context"),
    **dict.fromkeys(
        (
            "Cancelled", "Completed", "HandlerFault", "Parked", "Retryable", "Skip", "Skipped", "Terminal",
            "Waiting",
        ),
        "outcome",
    ),
    **dict.fromkeys(("Entry", "Journaled", "Letter", "TypedEvent"), "durable"),
    **dict.fromkeys(("AsyncClient", "Client"), "client"),
    **dict.fromkeys(("AsyncRun", "Run"), "run"),
    **dict.fromkeys(("ContainerResult", "HttpResult", "LlmReply"), "tools"),
    **dict.fromkeys(("Event", "Execution", "Node"), "values"),
    **dict.fromkeys(("Step", "Workflow"), "workflow"),
    **dict.fromkeys(
        (
            "ApiError", "Conflict", "HeadraceError", "Invalid", "NotFound", "NotSendable",
            "RunFailed", "RunNotEnded", "ServerUnreachable", "Unauthorized", "Unavailable",
        ),
        "errors",
    ),
}  # fmt: skip

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncRun",
    "Cancelled",
    "Client",
    "Completed",
    "Conflict",
    "ContainerResult",
    "Context",
    "Entry",
    "Event",
    "Execution",
    "HandlerFault",
    "HeadraceError",
    "HttpResult",
    "Invalid",
    "Journaled",
    "Letter",
    "LlmReply",
    "LogLevel",
    "Node",
    "NotFound",
    "NotSendable",
    "Parked",
    "Retryable",
    "Run",
    "RunFailed",
    "RunNotEnded",
    "ServerUnreachable",
    "Skip",
    "Skipped",
    "Step",
    "Terminal",
    "TypedEvent",
    "Unauthorized",
    "Unavailable",
    "Waiting",
    "Workflow",
    "handler",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'headrace' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"headrace.{_LATER[name]}"), name)
    return found

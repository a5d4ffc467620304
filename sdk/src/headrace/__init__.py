"""Headrace in Python: handlers.

from headrace import Context, Retryable, handler

@handler("greet")
def greet(config: dict, context: Context) -> dict:
    return {"text": f"Hello, {config['name']}!"}
"""

from headrace.context import Context, LogLevel
from headrace.outcome import Cancelled, Completed, HandlerFault, Retryable, Skip, Skipped, Terminal, Waiting
from headrace.registration import handler

__all__ = [
    "Cancelled",
    "Completed",
    "Context",
    "HandlerFault",
    "LogLevel",
    "Retryable",
    "Skip",
    "Skipped",
    "Terminal",
    "Waiting",
    "handler",
]

"""What the routes work with: the engine, the hub of open streams, the gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request

from api.owners import Gate
from api.simulator_process import SimulatorProcess
from api.streaming.hub import Hub
from orchestrator.engine import Engine
from orchestrator.operations.turns import Turns


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything the routes work with, put together once by the root."""

    engine: Engine
    hub: Hub
    simulator: SimulatorProcess
    gate: Gate = field(default_factory=Gate)
    #: Those of large bodies, which are read also while a definition takes long to compile.
    turns: Turns = field(default_factory=Turns)
    #: Limits of dialects that have some of their own, by their names.
    rules: Mapping[str, Any] = field(default_factory=dict)
    #: Prefix of every path in a browser, which a proxy takes off; empty without one.
    root_path: str = ""
    #: Whether the routes of the demo are served.
    is_demo: bool = False
    #: Tenants that strangers may register from one address in a minute; 0 for any number.
    registrations_a_minute: int = 0


def attach(app: FastAPI, reach: Reach) -> None:
    """Store on the app what the routes work with."""
    app.state.reach = reach


def reach_of(request: Request) -> Reach:
    """Give what `attach` stored."""
    reach = request.app.state.reach
    assert isinstance(reach, Reach)
    return reach

"""Root of the API process: settings → Redis → engine → routes. Run it with `uvicorn main:app`."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType

from fastapi import FastAPI

import logs
from api import routers
from api.access import Reach, attach
from api.dialects import DIALECTS
from api.dialects.dialect import Dialect
from api.http_protocol import guard_server
from api.mcp import door
from api.owners import Gate
from api.problems import StoreErrorMaker
from api.request_guard import RequestGuard
from api.schema_process import SchemaProcess
from api.simulator_process import SimulatorProcess
from api.streaming.hub import Hub
from clients.redis_client import (
    PASSING_FAULTS,
    NotAllowed,
    WrongKind,
    connect_commands,
    connect_subscriber,
    why_away,
)
from config import ROOT, Settings, get_settings
from orchestrator.documents.limits import Limits
from orchestrator.engine import Engine
from orchestrator.errors import ConfigError, StoreDamaged, StoreForbidden, StoreUnavailable
from orchestrator.operations.workflow_files import READERS, Reader, register_files
from wiring import FIRST_ANSWER_S, keys_of, limits_of, usable_while_serving
from workers.handlers import Catalogue

log = logging.getLogger("headrace.api")

VERSION = "0.1.0"


def _away(fault: Exception) -> StoreUnavailable:
    return StoreUnavailable(why_away(fault))


def _damaged(fault: Exception) -> StoreDamaged:
    return StoreDamaged(str(fault))


def _forbidden(fault: Exception) -> StoreForbidden:
    return StoreForbidden(str(fault))


#: What an error of the store's client means to one who asks.
STORE_ERRORS: dict[type[Exception], StoreErrorMaker] = {
    **dict.fromkeys(PASSING_FAULTS, _away),
    WrongKind: _damaged,
    NotAllowed: _forbidden,
}


def create_app(settings: Settings | None = None, *, alone: Dialect | None = None) -> FastAPI:
    """Put the API together. Nothing is connected to before the app starts.

    alone  a contract that is served by itself; None for the native one and all others beside it.
    """
    settings = settings or get_settings()
    limits = limits_of(settings)
    mcp = _mcp_door(settings, limits) if alone is None else None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.set_up(settings.log_level, settings.log_format)
        _warn_of_oversights(settings)
        environment = _environment(settings)
        apart = SchemaProcess([sys.executable, "-m", "workers.simulator.schema_process"], environment)
        async with (
            _engine(settings, limits, apart) as engine,
            _files_registered(settings.workflows_dir, engine, limits),
            _agents_served(mcp, is_meant=settings.mcp is True),
        ):
            hub = Hub(engine.all_tenants, over=engine.authentication.over)
            simulator = SimulatorProcess([sys.executable, "-m", "workers.simulator.process"], environment)
            attach(app, _reach(settings, engine, hub, simulator, _gate(settings)))
            logs.keep_what_is_loaded()
            try:
                with _on_stop_signals(hub.stop):
                    yield
            finally:
                await hub.close()
                await simulator.aclose()
                await apart.aclose()

    app = FastAPI(
        title="Headrace",
        version=VERSION,
        summary="Workflows as DAGs: submit, trigger, watch.",
        debug=settings.debug and not settings.is_production,
        lifespan=lifespan,
        # The framework's own pages run scripts of another server, which none vouches for; ours is at /docs.
        docs_url=None,
        redoc_url=None,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        # Where a tracer is set up, one span per request is enough; four are noise.
        telemetry={"operation_spans": False},
    )
    app.state.environment = settings.environment
    routers.install(
        app,
        limits,
        guard=RequestGuard(hosts=settings.host_names, origins=settings.page_origins),
        store_errors=STORE_ERRORS,
        dialects=DIALECTS if alone is None else (alone,),
        is_native=alone is None,
        is_demo=settings.is_demo and alone is None,
        mcp=mcp,
        root_path=settings.root_path,
    )
    return app


def _mcp_door(settings: Settings, limits: Limits) -> door.McpDoor | None:
    """Build the door for agents, where it is wanted and can be opened."""
    is_wanted = not settings.is_production if settings.mcp is None else settings.mcp
    if not (is_wanted and door.is_installed()):
        return None
    return door.McpDoor(version=VERSION, max_body_bytes=limits.max_body_bytes)


@contextlib.asynccontextmanager
async def _agents_served(mcp: door.McpDoor | None, *, is_meant: bool) -> AsyncIterator[None]:
    """Close the door for agents at the end. Raises ConfigError where it is meant to be there and cannot."""
    door.check_installed(is_meant)
    try:
        yield
    finally:
        if mcp is not None:
            await mcp.aclose()


def _gate(settings: Settings) -> Gate:
    return Gate(
        is_required=settings.needs_keys,
        is_development=not settings.is_production,
        is_registration_open=settings.is_registration_open,
    )


def _reach(settings: Settings, engine: Engine, hub: Hub, simulator: SimulatorProcess, gate: Gate) -> Reach:
    most = settings.rate_limit_register
    return Reach(
        engine,
        hub,
        simulator,
        gate,
        rules=_rules(settings),
        root_path=settings.root_path,
        is_demo=settings.is_demo,
        registrations_a_minute=most,
    )


def _rules(settings: Settings) -> dict[str, object]:
    """The limits of dialects that have some of their own."""
    found = ((dialect.name, dialect.rules_from) for dialect in DIALECTS)
    return {name: rules_from(settings) for name, rules_from in found if rules_from is not None}


def workflow_server() -> FastAPI:
    """Put together the API that serves the contract of workflow servers by itself.

    `uvicorn --factory main:workflow_server --port 8080`.
    """
    alone = next((dialect.alone for dialect in DIALECTS if dialect.alone is not None), None)
    if alone is None:
        raise ConfigError("there is no dialect that is served by itself; see api/dialects/__init__.py")
    return create_app(alone=alone)


def _warn_of_oversights(settings: Settings) -> None:
    """Say what an operator may not have thought of."""
    if not guard_server():
        log.warning(
            "server.not_guarded",
            extra={"cure": "uvicorn main:app --http api.http_protocol:GuardedProtocol"},
        )
    if "workflows_dir" in settings.model_fields_set and not settings.workflows_dir.is_dir():
        log.warning(
            "workflow_files.no_directory",
            extra={"directory": str(settings.workflows_dir), "cure": "set WORKFLOWS_DIR to one that exists"},
        )
    if settings.needs_keys and settings.operator_key is None:
        log.warning(
            "keys.no_operator", extra={"cure": "set OPERATOR_KEY: without it there can be no first key"}
        )
    if settings.needs_keys and settings.is_registration_open:
        log.warning(
            "tenants.registration_open",
            extra={"cure": "anyone may register a tenant; SELF_REGISTRATION_ENABLED=false closes that"},
        )


@contextlib.asynccontextmanager
async def _engine(settings: Settings, limits: Limits, apart: SchemaProcess) -> AsyncIterator[Engine]:
    """Build the engine over its own connections. Raises ConfigError on a Redis unfit for it."""
    commands = connect_commands(settings.redis_dsn)
    subscriber = connect_subscriber(settings.redis_dsn)
    # A connection that waits for the disk can do nothing else meanwhile.
    durable = connect_commands(settings.redis_dsn) if settings.durable_starts else None
    keys = keys_of(settings)
    try:
        engine = Engine(
            commands,
            subscriber,
            catalogue=Catalogue,
            keys=keys,
            limits=limits,
            allow_eviction_policy=settings.allow_eviction_policy,
            durable=durable,
            apart=apart,
            operator_key=settings.operator_key,
        )
        async with usable_while_serving(commands, settings, keys):
            yield engine
    finally:
        await commands.aclose()
        await subscriber.aclose()
        if durable is not None:
            await durable.aclose()


@contextlib.asynccontextmanager
async def _files_registered(directory: Path, engine: Engine, limits: Limits) -> AsyncIterator[None]:
    """Register the workflow files of the deployment; requests are served while that takes long."""

    async def register() -> None:
        try:
            await register_files(directory, engine.workflows, limits=limits, readers=_readers())
        except Exception:
            log.exception("workflow_files.failed", extra={"directory": str(directory)})

    work = asyncio.create_task(register())
    await asyncio.wait([work], timeout=FIRST_ANSWER_S)
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def _readers() -> list[Reader]:
    """Those that know the shapes of workflow files; native documents come first."""
    return [*READERS, *(reader for dialect in DIALECTS for reader in dialect.readers)]


def _environment(settings: Settings) -> dict[str, str]:
    """The variables that lead a child process to the same code, Redis and streams."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "REDIS_URL": settings.redis_dsn,
        "WORKER_STREAM": settings.worker_stream,
        "WORKER_GROUP": settings.worker_group,
        # It checks Redis by the rule that this process was started with.
        "DURABLE_STARTS": "false",
        "ALLOW_EVICTION_POLICY": str(settings.allow_eviction_policy).lower(),
    }


@contextlib.contextmanager
def _on_stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM or SIGINT, before the server begins to wait for open responses.

    uvicorn waits for every response to finish and only then ends the lifespan, so that an event stream, which
    never finishes by itself, would hold the process for as long as its client stays.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        following = before[signal.Signals(number)]
        if callable(following):
            following(number, frame)

    for number, following in before.items():
        # Without a handler of the server's there would be nothing to hand the signal on to.
        if callable(following):
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, following in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, following)


# Before anything is built: settings that cannot be used end the server in plain lines.
logs.usable(get_settings)
app = create_app()

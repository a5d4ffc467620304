"""Runs containers on a Docker engine: locked down, watched by a thread each, gone with their attempt.

The SDK blocks, so every run has a thread of its own; the event loop only asks it to stop. What a killed
worker leaves behind is removed by the next run that finds it on the engine: a new attempt removes those
before it, any run those past their deadline.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import docker.errors
import requests
from docker import APIClient
from docker.types import LogConfig

from clients.containers.lines import LineLog, in_this_loop
from clients.containers.spec import (
    LABEL_EXECUTION,
    MIB,
    STDERR,
    STDOUT,
    ContainerError,
    ContainerSettings,
    ContainerSpec,
    FrameReader,
    system_reason,
)
from headrace.tools import ContainerResult, OnLine

log = logging.getLogger("headrace.containers")

#: `nobody`: a user without files or rights.
USER = "65534:65534"
PIDS = 128
SCRATCH = "rw,noexec,nosuid,nodev,size=64m,mode=1777"
#: One answer of the engine. Pulling an image takes longer, but reports progress all the while.
ENGINE_TIMEOUT_S = 30
POLL_S = 0.1
#: How long an attempt that was stopped waits for its container to be gone.
STOP_S = 20.0
#: How long after its time limit a container may be taken for left over.
SLACK_MS = 60_000
STDERR_TAIL_BYTES = 4_000
THREADS = 1_024


class Stopped(Exception):
    """The attempt is over; its result is not awaited."""

    error_type = "Container.Unavailable"
    retryable = True


class ContainerEngine:
    """One for all attempts of a worker. Holds threads and what runs; every run has its own connection."""

    def __init__(self, settings: ContainerSettings) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="container")
        self._running: dict[_Run, asyncio.Future[ContainerResult]] = {}

    async def run(self, spec: ContainerSpec, *, on_line: OnLine) -> ContainerResult:
        """Run a container to its end; it is removed before this returns, raises or is cancelled.

        on_line  gets each line of output, all of them before this returns; called in the event loop.
        Raises ContainerError.
        """
        self.settings.check(spec)
        run = _Run(self.settings, spec, in_this_loop(on_line))
        work = asyncio.get_running_loop().run_in_executor(self._threads, run.work)
        self._running[run] = work
        work.add_done_callback(lambda _: self._forget(run))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            run.stop.set()
            await asyncio.wait({work}, timeout=STOP_S)
            raise

    def _forget(self, run: _Run) -> None:
        work = self._running.pop(run, None)
        if work is not None and not work.cancelled():
            work.exception()  # Retrieved: asyncio logs exceptions that never are.

    async def aclose(self) -> None:
        """Stop what runs and wait until it is gone. Safe to call twice."""
        left = dict(self._running)
        for run in left:
            run.stop.set()
        if left:
            await asyncio.wait(left.values(), timeout=STOP_S)
        self._threads.shutdown(wait=False)


class _Run:
    """One container from create to remove, in one thread. `stop` is set from outside."""

    def __init__(self, settings: ContainerSettings, spec: ContainerSpec, on_line: OnLine) -> None:
        self.stop = threading.Event()
        self._settings = settings
        self._spec = spec
        self._deadline_s = 0.0
        self._stdout = bytearray()
        self._stderr_tail = b""
        self._lines = {
            STDOUT: LineLog(lambda line: on_line("stdout", line)),
            STDERR: LineLog(lambda line: on_line("stderr", line)),
        }

    def work(self) -> ContainerResult:
        started_s = time.monotonic()
        self._deadline_s = started_s + self._spec.timeout_s
        with _typed_errors(self._settings.engine_url), closing(_connect(self._settings.engine_url)) as api:
            self._remove_left_over(api)
            self._check()
            container_id = self._create(api)
            try:
                self._check()
                self._follow(api, container_id)
                state = self._await_end(api, container_id)
            finally:
                for lines in self._lines.values():
                    lines.close()
                _remove(api, container_id)
        return ContainerResult(
            exit_code=int(state["ExitCode"]),
            stdout=bytes(self._stdout),
            stderr_tail=self._stderr_tail,
            is_out_of_memory=bool(state.get("OOMKilled")),
            duration_ms=round((time.monotonic() - started_s) * 1000),
        )

    def _check(self) -> None:
        """Raise when the run is to end: it was stopped, or is out of time."""
        if self.stop.is_set():
            raise Stopped("the container was stopped with its attempt")
        if time.monotonic() > self._deadline_s:
            raise ContainerError(
                f"the container ran longer than its timeout of {self._spec.timeout_s:g} s",
                type="Container.Timeout",
                retryable=True,
                details={"stderr": _shown(self._stderr_tail)},
            )

    def _remove_left_over(self, api: APIClient) -> None:
        now_ms = time.time_ns() // 1_000_000
        for found in api.containers(all=True, filters={"label": LABEL_EXECUTION}):
            if self._spec.is_left_over(found.get("Labels") or {}, now_ms=now_ms):
                log.warning("container.left_over", extra={"container": found["Id"][:12]})
                _remove(api, found["Id"])

    def _create(self, api: APIClient) -> str:
        if self._spec.pull == "always":
            self._pull(api)
        try:
            return self._create_once(api)
        except docker.errors.ImageNotFound:
            if self._spec.pull != "missing":
                raise
        self._pull(api)
        return self._create_once(api)

    def _create_once(self, api: APIClient) -> str:
        """Create the container, with everything shut that a workflow's container has no need of."""
        spec, settings = self._spec, self._settings
        memory = (spec.memory_mb or settings.memory_mb) * MIB
        host_config = api.create_host_config(
            network_mode=spec.network,
            read_only=True,
            tmpfs={"/tmp": SCRATCH},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            pids_limit=PIDS,
            mem_limit=memory,
            # The sum of memory and swap: no swap.
            memswap_limit=memory,
            nano_cpus=int((spec.cpus or settings.cpus) * 1_000_000_000),
            privileged=False,
            init=True,
            # The output goes over the connection; a copy of it would only fill the engine's disk.
            log_config=LogConfig(type="none"),
        )
        deadline_ms = time.time_ns() // 1_000_000 + round(spec.timeout_s * 1000) + SLACK_MS
        made = api.create_container(
            spec.image,
            command=list(spec.args) or None,
            entrypoint=None if spec.entrypoint is None else list(spec.entrypoint),
            environment=dict(spec.env),
            working_dir=spec.working_dir,
            user=USER,
            stdin_open=spec.stdin is not None,
            labels=spec.labels(deadline_ms),
            host_config=host_config,
            # Otherwise proxies of the worker's own account would be written into the container.
            use_config_proxy=False,
        )
        return str(made["Id"])

    def _pull(self, api: APIClient) -> None:
        for step in api.pull(self._spec.image, stream=True, decode=True):
            self._check()
            if problem := step.get("error"):
                raise ContainerError(
                    f"image '{self._spec.image}' cannot be pulled: {problem}",
                    type="Container.Pull",
                    retryable=True,
                )

    def _follow(self, api: APIClient, container_id: str) -> None:
        """Start the container, feed it, and read it until it closes its output."""
        takes_input = self._spec.stdin is not None
        # Attached before the start, or the first lines would be lost.
        wanted = {"stdin": int(takes_input), "stdout": 1, "stderr": 1, "stream": 1}
        attached: Any = api.attach_socket(container_id, params=wanted)
        connection: socket.socket = getattr(attached, "_sock", attached)
        try:
            api.start(container_id)
            connection.setblocking(False)
            self._exchange(connection, memoryview(self._spec.stdin or b""), takes_input)
        finally:
            attached.close()
            connection.close()

    def _exchange(self, connection: socket.socket, pending: memoryview, takes_input: bool) -> None:
        """Write and read at once: a container that answers while it is still being fed must not block."""
        frames = FrameReader()
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        with selectors.DefaultSelector() as selector:
            selector.register(connection, both if takes_input else selectors.EVENT_READ)
            while True:
                self._check()
                ready = next((events for _, events in selector.select(POLL_S)), 0)
                if ready & selectors.EVENT_WRITE:
                    pending = _write(connection, pending)
                    if not pending:
                        selector.modify(connection, selectors.EVENT_READ)
                        _end_input(connection)
                if ready & selectors.EVENT_READ:
                    chunk = connection.recv(65536)
                    if not chunk:
                        return
                    for stream, data in frames.feed(chunk):
                        self._take(stream, data)

    def _take(self, stream: int, data: bytes) -> None:
        if stream == STDOUT:
            self._stdout += data
            if len(self._stdout) > (limit := self._settings.max_output_bytes):
                raise ContainerError(
                    f"the container wrote more than {limit} bytes to stdout (OUTPUT_MAX_BYTES)",
                    type="OutputTooLarge",
                    details={"max_bytes": limit},
                )
        else:
            self._stderr_tail = (self._stderr_tail + data)[-STDERR_TAIL_BYTES:]
        self._lines[STDOUT if stream == STDOUT else STDERR].feed(data)

    def _await_end(self, api: APIClient, container_id: str) -> dict[str, Any]:
        """Ask until the container has ended: it may close its output and go on."""
        pause_s = 0.02
        while True:
            state: dict[str, Any] = api.inspect_container(container_id)["State"]
            if state["Status"] in ("exited", "dead"):
                return state
            self._check()
            self.stop.wait(pause_s)
            pause_s = min(1.0, pause_s * 1.5)


def _connect(url: str) -> APIClient:
    """A client that speaks the engine's own version, and asks no proxy."""
    with closing(APIClient(base_url=url, version="1.24", timeout=ENGINE_TIMEOUT_S)) as asking:
        asking.trust_env = False
        version = str(asking.version(api_version=False)["ApiVersion"])
    api = APIClient(base_url=url, version=version, timeout=ENGINE_TIMEOUT_S)
    api.trust_env = False
    return api


def _remove(api: APIClient, container_id: str) -> None:
    """Kill and remove. What fails here is removed by a later run: the result must not be lost for it."""
    try:
        api.remove_container(container_id, force=True, v=True)
    except docker.errors.NotFound:
        pass
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        if getattr(error, "status_code", None) != 409:  # 409: it is being removed
            log.warning("container.not_removed", extra={"container": container_id[:12], "error": str(error)})


def _write(connection: socket.socket, pending: memoryview) -> memoryview:
    """Write what fits; give what is left, nothing if the container does not want it."""
    if not pending:
        return pending
    try:
        return pending[connection.send(pending[:65536]) :]
    except BlockingIOError:
        return pending
    except OSError:
        return memoryview(b"")


def _end_input(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The container has ended already.


@contextmanager
def _typed_errors(url: str) -> Iterator[None]:
    """Turn errors of an engine into ContainerError: absent, refusing, or without the image."""
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ContainerError(
            f"there is no such image: {error.explanation or error}", type="Container.ImageNotFound"
        ) from error
    except docker.errors.APIError as error:
        refused = error.is_client_error()
        raise ContainerError(
            f"the container engine {'refused' if refused else 'failed'}: {error.explanation or error}",
            type="Container.Refused" if refused else "Container.Unavailable",
            retryable=not refused,
            details={"status": error.status_code},
        ) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise ContainerError(
            f"no container engine answers at {url} (DOCKER_HOST): {system_reason(error)}",
            type="Container.Unavailable",
            retryable=True,
        ) from error


def _shown(tail: bytes) -> str:
    return tail.decode("utf-8", errors="replace")[-1000:]

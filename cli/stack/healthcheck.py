"""The health checks of containers, exit code 0 or 1:
`python -m cli.stack.healthcheck api|orchestrator|worker|echo`.

Each asks for the work, not for the process: a worker that runs but no longer announces itself is not alive.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

from cli.stack import ports
from cli.stack.engine_records import read_records
from config import SettingsInvalid, get_settings

#: Orchestrators look at timers every TICK_MS; workers stand in for them after this silence.
OLDEST_TICK_MS = 2_000


def main(arguments: list[str]) -> int:
    """Check the role named by the one argument; says why on stderr when it is not alive."""
    checks = {"api": _api, "echo": _echo, "orchestrator": _orchestrator, "worker": _worker}
    if len(arguments) != 1 or arguments[0] not in checks:
        print(f"usage: python -m cli.stack.healthcheck {'|'.join(checks)}", file=sys.stderr)
        return 2
    trouble = checks[arguments[0]]()
    if trouble:
        print(trouble, file=sys.stderr)
    return 1 if trouble else 0


def _api() -> str:
    status = ports.http_status("http://127.0.0.1:8000/readyz", timeout_s=3)
    return "" if status == 200 else f"/readyz answers {status or 'nothing'}"


def _echo() -> str:
    status = ports.http_status("http://127.0.0.1:8090/health", timeout_s=3)
    return "" if status == 200 else f"/health answers {status or 'nothing'}"


def _orchestrator() -> str:
    found = read_records(get_settings().redis_dsn)
    return tick_trouble(found.tick_ms, now_ms=found.now_ms)


def _worker() -> str:
    settings = get_settings()
    found = read_records(settings.redis_dsn)
    return worker_trouble(
        found.workers,
        host=socket.gethostname(),
        now_ms=found.now_ms,
        oldest_beat_ms=2 * settings.lease_ms,
    )


def tick_trouble(tick_ms: int | None, *, now_ms: int) -> str:
    """What is wrong with the last look at the timers; empty if nothing is."""
    if tick_ms is None:
        return "no orchestrator has ever ticked"
    age_ms = now_ms - tick_ms
    return "" if age_ms <= OLDEST_TICK_MS else f"the last tick is {age_ms} ms old"


def worker_trouble(workers: list[Mapping[str, str]], *, host: str, now_ms: int, oldest_beat_ms: int) -> str:
    """What is wrong with the workers of this host; empty if one of them has announced itself lately."""
    beats = [int(worker.get("beat_ms") or 0) for worker in workers if worker.get("host") == host]
    if not beats:
        return f"no worker on {host} has announced itself"
    age_ms = now_ms - max(beats)
    return "" if age_ms <= oldest_beat_ms else f"the last beat of the worker on {host} is {age_ms} ms old"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SettingsInvalid as error:
        sys.exit(str(error))
    except Exception as error:
        # Whatever keeps us from knowing is the answer; a traceback every ten seconds is none.
        sys.exit(f"{type(error).__name__}: {error}")

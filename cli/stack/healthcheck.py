"""The health checks of containers, exit code 0 or 1:
`python -m cli.stack.healthcheck api|orchestrator|worker|echo`.

Each asks for the work, not for the process: a worker that runs but no longer announces itself is not alive.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import Any

from cli.stack import ports
from config import SettingsInvalid, get_settings

#: Orchestrators look at timers every TICK_MS; workers stand in for them only after 2 s of silence.
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
    now_ms, tick_ms, _ = _look_into_redis()
    return tick_trouble(tick_ms, now_ms=now_ms)


def _worker() -> str:
    now_ms, _, workers = _look_into_redis()
    return worker_trouble(
        workers, host=socket.gethostname(), now_ms=now_ms, oldest_beat_ms=2 * get_settings().lease_ms
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


def _look_into_redis() -> tuple[int, int | None, list[Mapping[str, str]]]:
    """Redis time, the last tick of an orchestrator, and the announced workers, from the documented keys."""
    import redis

    # Any: the client's own types say bytes or str, whatever decode_responses says.
    client: Any = redis.Redis.from_url(get_settings().redis_dsn, decode_responses=True, socket_timeout=3)
    try:
        seconds, microseconds = client.time()
        tick = client.get("workflows:tick:orchestrator")
        names = client.zrange("workflows:workers", 0, -1)
        workers = [client.hgetall(f"workflows:workers:{name}") for name in names]
    finally:
        client.close()
    return int(seconds) * 1000 + int(microseconds) // 1000, int(tick) if tick else None, workers


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SettingsInvalid as error:
        sys.exit(str(error))
    except Exception as error:
        # Whatever keeps us from knowing is the answer; a traceback every ten seconds is none.
        sys.exit(f"{type(error).__name__}: {error}")

"""Where the running stack, its API and its Redis are. The stack writes a file that other commands read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from env_file import read_env_file

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_DATA_DIR = ROOT / ".data" / "redis"


def data_dir(chosen: Path | None = None) -> Path:
    """The stack's data directory: the one chosen, else STACK_DATA_DIR, else this checkout's `.data/redis`."""
    if chosen is None and (named := os.environ.get("STACK_DATA_DIR")):
        chosen = Path(named)
    return (chosen or DEFAULT_DATA_DIR).expanduser().resolve()


def path(directory: Path) -> Path:
    """`.data/stack.json` for the usual stack; inside its own data directory for one placed elsewhere."""
    return directory.parent / "stack.json" if directory == DEFAULT_DATA_DIR else directory / "stack.json"


@dataclass(frozen=True, slots=True)
class StackInfo:
    """One running stack, as others see it. Written by `./headrace dev`, removed when it stops."""

    #: Process id of the supervisor.
    pid: int
    api_url: str
    echo_url: str
    #: None when the stack uses the Redis that the settings name: its address may hold a password.
    redis_host: str | None
    redis_port: int | None
    data_dir: str
    #: RFC 3339, UTC.
    started_at: str

    def write(self) -> None:
        """Put the file in place whole: a reader never sees half of it."""
        target = path(Path(self.data_dir))
        draft = target.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        draft.replace(target)

    def remove(self) -> None:
        path(Path(self.data_dir)).unlink(missing_ok=True)


def is_process_alive(pid: int) -> bool:
    """Whether a process of that id exists, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find(chosen: Path | None = None) -> StackInfo | None:
    """The running stack of this data directory, or None."""
    try:
        info = StackInfo(**json.loads(path(data_dir(chosen)).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    # A supervisor that was killed leaves its file behind.
    return info if is_process_alive(info.pid) else None


def api_url() -> str:
    """The API to talk to: API_URL, of `.env` too, else the running stack's, else the documented default."""
    if named := _named("API_URL"):
        return named.rstrip("/")
    stack = find()
    return stack.api_url if stack else "http://localhost:8000"


def is_api_named() -> bool:
    """Whether API_URL says where the API is."""
    return _named("API_URL") is not None


class NoOwnRedis(Exception):
    """No Redis is known to be ours; the message says what was looked for."""


def own_redis_url() -> str:
    """The running stack's Redis; without a stack the one the settings name, and never one that is only near.

    Raises NoOwnRedis, SettingsInvalid.
    """
    from config import read_settings

    settings, stack = read_settings(), find()
    if stack is not None and stack.redis_host is not None:
        return f"redis://{stack.redis_host}:{stack.redis_port}/{settings.redis_db}"
    if settings.is_redis_given:
        return settings.redis_dsn
    if stack is not None:
        raise NoOwnRedis("the stack works on a Redis that its REDIS_URL names; set the same REDIS_URL here")
    raise NoOwnRedis(f"no stack runs on {data_dir()}, and neither REDIS_URL nor REDIS_HOST names a Redis")


def redis_url() -> str:
    """The running stack's Redis, else the one the settings name or default to. Raises SettingsInvalid."""
    from config import read_settings

    settings = read_settings()
    stack = find()
    if stack is None or stack.redis_host is None or settings.is_redis_given:
        return settings.redis_dsn
    return f"redis://{stack.redis_host}:{stack.redis_port}/{settings.redis_db}"


def api_key() -> str | None:
    """The key to send to the API: API_KEY; None where there is none."""
    return _named("API_KEY")


def operator_key() -> str | None:
    """The operator's key: OPERATOR_KEY, else API_KEY."""
    return _named("OPERATOR_KEY") or api_key()


def _named(variable: str) -> str | None:
    """A variable of the environment, else of `.env`; an empty one counts as unset."""
    if found := os.environ.get(variable):
        return found
    # Without the settings: importing what reads them takes longer than asking the server.
    file = ROOT / ".env"
    return (read_env_file(file).get(variable) or None) if file.is_file() else None

"""How our processes log and run: one event a line, fields, no prose; JSON unless a person reads along."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

from config import SettingsInvalid
from orchestrator.documents import exact_json
from orchestrator.errors import HeadraceError

#: What every log record has of itself; anything else came as a field.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogSettings(Protocol):
    @property
    def log_level(self) -> str: ...


class JsonLines(logging.Formatter):
    """One JSON object a line: ts, level, logger, event, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return exact_json.dumps(line, default=str).decode()


class PlainLines(logging.Formatter):
    """The same for a person at a terminal: time, level, event, fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{moment} {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(level: str) -> None:
    """Send every log line to stderr in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def run_process(main: Callable[[], Coroutine[Any, Any, None]], settings: Callable[[], LogSettings]) -> None:
    """Run the root of a process on the fastest event loop there is; a refusal of ours ends it in one line."""
    set_up(level_of(settings))
    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
    except (HeadraceError, ImportError) as error:
        logging.getLogger("headrace").critical("process.refused", extra={"error": str(error)})
        raise SystemExit(1) from None


def level_of(settings: Callable[[], LogSettings]) -> str:
    """Read the settings for what they say about logs; wrong ones end the process, a line for each."""
    try:
        return settings().log_level
    except SettingsInvalid as error:
        set_up("INFO")
        for line in error.lines:
            logging.getLogger("headrace").critical("process.refused", extra={"error": line})
        raise SystemExit(1) from None


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}

"""How our processes log and run: one event a line, fields, no prose; JSON unless a person reads along."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

import sdk_path  # noqa: F401  # `headrace` is found from here on
from config import SettingsInvalid
from headrace._huge_pages import use_huge_pages
from orchestrator.documents import exact_json
from orchestrator.errors import HeadraceError

#: What every log record has of itself; anything else came as a field.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: For so long a fault that lasts is not logged again; and how many different ones are remembered.
QUIET_S, MOST_FAULTS = 60.0, 1_000
_NUMBER = re.compile(r"\d+")
_NOT_OF_A_FAULT = frozenset({"error", "request_id", "worker_id", "duty"})


class LogSettings(Protocol):
    @property
    def log_level(self) -> str: ...

    @property
    def log_format(self) -> str | None: ...


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


class OncePerMinute(logging.Filter):
    """Lets a fault that lasts through once a minute; the next line of it says how many were left out.

    Lines are of one fault that have the same cause and are about the same things. Numbers in the error,
    counts beside it, what failed by it and the id of a request make no difference. Lines without an error
    all pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: When a line of each fault was let through, and how many have been left out since.
        self._faults: dict[tuple[str, ...], list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if "error" not in vars(record) or not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        now_s, fault = self._clock(), _fault_of(record)
        known = self._faults.get(fault)
        if known is not None and now_s - known[0] < QUIET_S:
            known[1] += 1
            return False
        if known is not None and known[1]:
            record.repeated = int(known[1])
        if len(self._faults) >= MOST_FAULTS:
            self._faults.clear()
        self._faults[fault] = [now_s, 0]
        return True


def _fault_of(record: logging.LogRecord) -> tuple[str, ...]:
    fields = _fields(record)
    # Of a chain of causes the last one is the fault: one silent Redis fails many duties, each in its words.
    cause = str(fields["error"]).rpartition(": ")[2]
    about = (
        f"{name}={value}"
        for name, value in fields.items()
        if isinstance(value, str) and name not in _NOT_OF_A_FAULT
    )
    return (_NUMBER.sub("#", cause), *about)


def set_up(level: str, form: str | None = None) -> None:
    """Send every log line to stderr in one form: `text`, `json`, or None for text on a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    is_plain = form == "text" or (form is None and sys.stderr.isatty())
    handler.setFormatter(PlainLines() if is_plain else JsonLines())
    handler.addFilter(OncePerMinute())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def keep_what_is_loaded() -> None:
    """Gather what is there now, and leave it out of later collections: each would hold up all else."""
    gc.collect()
    gc.freeze()
    use_huge_pages()


def run_process(main: Callable[[], Coroutine[Any, Any, None]], settings: Callable[[], LogSettings]) -> None:
    """Run the root of a process on the fastest event loop there is; a refusal of ours ends it in one line."""
    known = usable(settings)
    set_up(known.log_level, known.log_format)
    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    keep_what_is_loaded()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            _outlive_exits(runner.get_loop(), main())
    except (HeadraceError, ImportError) as error:
        logging.getLogger("headrace").critical("process.refused", extra={"error": str(error)})
        raise SystemExit(1) from None


def _outlive_exits(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """Run to the end of the work, whatever else in the loop exits.

    `sys.exit` in any task or callback stops the whole loop (asyncio lets it through), so that a handler's
    child task could end the worker under all other attempts. The root listens to signals itself, hence a
    KeyboardInterrupt after its start is no person's either.
    """
    task = loop.create_task(work)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            is_signal = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            if task.done() or (is_signal and isinstance(error, KeyboardInterrupt)):
                raise
            logging.getLogger("headrace").error("process.exit_refused", exc_info=True)


def usable(settings: Callable[[], LogSettings]) -> LogSettings:
    """Read the settings; wrong ones end the process, a line for each."""
    try:
        return settings()
    except SettingsInvalid as error:
        set_up("INFO")
        for line in error.lines:
            logging.getLogger("headrace").critical("process.refused", extra={"error": line})
        raise SystemExit(1) from None


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}

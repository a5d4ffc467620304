"""What the client raises: HeadraceError and its children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_TEXT = "an argument holds bytes that are not UTF-8, or half of a character"


class HeadraceError(Exception):
    """Anything that the client raises by itself."""


class ServerUnreachable(HeadraceError):
    """No server answers at the base URL, or the connection broke. Whether a POST took effect is unknown."""

    def __init__(self, base_url: str, detail: str) -> None:
        super().__init__(f"cannot reach {base_url}: {detail}")
        self.base_url = base_url


class ApiError(HeadraceError):
    """The server refused. `code` is stable, `problem` the whole document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        super().__init__(self.detail)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Each single thing that is wrong: path, code, message, and hint, line, column where known."""
        found = self.problem.get("errors") or []
        return [entry for entry in found if isinstance(entry, dict)]


class NotFound(ApiError):
    """No such execution, node, workflow or entry, or it is another tenant's (404)."""


class Conflict(ApiError):
    """The state of what is named does not allow it (409, 412)."""


class Invalid(ApiError):
    """What was sent cannot be accepted; `problems` says where it is wrong (400, 413, 415, 422)."""


class Unauthorized(ApiError):
    """The key is missing or wrong, or lacks the scope (401, 403)."""


class Unavailable(ApiError):
    """The server cannot do it now; later it may (429, 503, 504).

    retry_after_s  how long it asks to wait; None where it says nothing.
    """

    retry_after_s: float | None = None


class NotSendable(HeadraceError, ValueError):
    """What no request can carry: numbers and text that JSON cannot hold, or a path for a definition."""


class RunFailed(HeadraceError):
    """An execution has ended without a result: FAILED or CANCELLED.

    execution_id  the execution.
    status        FAILED or CANCELLED.
    error         of the execution, or of its `output`: {type, message, …}; None after a cancel.
    causes        the nodes it follows from, oldest first: {node_id, error, attempt, ended_at, kept}.
    """

    def __init__(
        self,
        execution_id: str,
        status: str,
        *,
        reason: str | None = None,
        error: Mapping[str, Any] | None = None,
        causes: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        self.execution_id = execution_id
        self.status = status
        self.reason = reason
        self.error = error
        self.causes = causes
        super().__init__(self._text())

    def _text(self) -> str:
        text = f"execution {self.execution_id} is {self.status}"
        if self.causes:
            first = self.causes[0]
            error = first.get("error") or {}
            more = f" (and {len(self.causes) - 1} more)" if len(self.causes) > 1 else ""
            return f"{text}: node '{first['node_id']}': {error.get('type')}: {error.get('message')}{more}"
        if self.error:
            return f"{text}: {self.error.get('type')}: {self.error.get('message')}"
        return f"{text}: {self.reason}" if self.reason else text


class RunNotEnded(HeadraceError, TimeoutError):
    """An execution has not ended within the time given; it goes on."""

    def __init__(self, execution_id: str, status: str, timeout_s: float) -> None:
        super().__init__(f"execution {execution_id} is {status} after {timeout_s:g} s")
        self.execution_id = execution_id
        self.status = status


#: The kind of error by the status of an answer; any other is an ApiError.
KINDS: Mapping[int, type[ApiError]] = {
    400: Invalid, 401: Unauthorized, 403: Unauthorized, 404: NotFound, 409: Conflict, 412: Conflict,
    413: Invalid, 415: Invalid, 422: Invalid, 429: Unavailable, 503: Unavailable, 504: Unavailable,
}  # fmt: skip

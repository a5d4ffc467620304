"""What calls of the API raise: ServerUnreachable, NotSendable, and ApiError with its child NotFound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_TEXT = "an argument holds bytes that are not UTF-8, or half of a character"


class ServerUnreachable(Exception):
    """No server answers at the base URL, or the connection broke. Whether a POST took effect is unknown."""

    def __init__(self, base_url: str, detail: str) -> None:
        super().__init__(f"cannot reach {base_url}: {detail}")
        self.base_url = base_url


class ApiError(Exception):
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
    """No such execution, node or entry."""


class NotSendable(ValueError):
    """A value that no request can carry: a number that JSON cannot write, or text that is not Unicode."""

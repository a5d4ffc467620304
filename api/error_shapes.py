"""How failures are written for those who were promised another form than problem documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Failure:
    """What every form of a failure says, each in its own words.

    detail    one sentence for people.
    code      stable, upper case.
    problems  `{path, code, message, …}` where several things are wrong.
    extra     ids and limits that the error carries.
    """

    status: int
    title: str
    detail: str
    code: str
    path: str
    request_id: str
    problems: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class ErrorShape(Protocol):
    """The form of failures of one documented contract."""

    #: Whether a path belongs to that contract.
    is_path: Callable[[str], bool]
    #: Writes a failure as the contract says: a body that is JSON, and the status, which may be another.
    write_failure: Callable[[Failure], tuple[int, Any]]


def shape_of(scope: Mapping[str, Any]) -> ErrorShape | None:
    """Find the form of failures of a request's path; None for problem documents."""
    app = scope.get("app")
    shapes: Sequence[ErrorShape] = () if app is None else getattr(app.state, "error_shapes", ())
    path = str(scope.get("path", ""))
    return next((shape for shape in shapes if shape.is_path(path)), None)

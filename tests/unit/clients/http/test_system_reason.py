"""Why no container engine answers, in the system's own words."""

from __future__ import annotations

from clients.containers.spec import system_reason


def test_what_the_system_said_is_found_under_the_wraps() -> None:
    refused = FileNotFoundError(2, "No such file or directory")
    wrapped = RuntimeError(f"Error while fetching: {refused!r}")
    wrapped.__cause__ = ConnectionError(("Connection aborted.", refused))

    assert system_reason(wrapped) == "No such file or directory"


def test_an_error_that_wraps_nothing_speaks_for_itself() -> None:
    assert system_reason(ValueError("too slow")) == "too slow"

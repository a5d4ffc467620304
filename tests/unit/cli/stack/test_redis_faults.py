"""A fault of Redis comes with what helps against that fault."""

from __future__ import annotations

import pytest
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError

from cli.stack.redis_faults import DISK, PASSWORD, START, cure_for


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (AuthenticationError("Authentication required."), PASSWORD),
        (AuthenticationError("invalid username-password pair or user is disabled."), PASSWORD),
        (AuthenticationError("AUTH <password> called without any password configured"), PASSWORD),
        (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), DISK),
        ("ResponseError: MISCONF Redis is configured to save RDB snapshots", DISK),
        (ConnectionError("Error 111 connecting to 127.0.0.1:1. Connection refused."), START),
    ],
)
def test_the_cure_fits_the_fault(fault: object, cure: str) -> None:
    assert cure_for(fault) == cure


def test_a_host_that_does_not_answer_is_no_stack_to_start() -> None:
    assert "firewall" in cure_for(TimeoutError("Timeout connecting to server"))


def test_what_is_not_known_is_left_to_whoever_asks() -> None:
    assert cure_for("layout 9 is newer than this program", otherwise="see the log") == "see the log"

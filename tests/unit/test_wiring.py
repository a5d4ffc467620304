"""What processes build from their settings, and when a Redis keeps them from working."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import fields

import pytest
from redis.asyncio import Redis

import wiring
from config import Settings, SettingsInvalid, read_settings
from orchestrator.definitions.retention import Retention
from orchestrator.documents.limits import Limits
from orchestrator.errors import ConfigError
from tests.patience import PATIENCE_S

SETTINGS = Settings(_env_file=None)


def test_the_retention_of_the_settings_is_that_of_the_orchestrator() -> None:
    found = Settings(_env_file=None, retention_completed="1h", retention_failed="never")

    assert wiring.retention_of(SETTINGS) == Retention()
    assert wiring.retention_of(found) == Retention(completed_ms=3_600_000, failed_ms=None)


@pytest.mark.parametrize("kept", ["soon", "0s", "11000d", "-1"])
def test_a_retention_that_is_none_is_refused(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_FAILED", kept)

    with pytest.raises(SettingsInvalid, match=r"^RETENTION_FAILED: .*, or 'never'$"):
        read_settings()


class Checks:
    """Stands for the checks of a Redis: they end when `came` is set, as `error` says."""

    def __init__(self, error: ConfigError | None = None) -> None:
        self.came = asyncio.Event()
        self.error = error

    async def __call__(self, redis: Redis, label: str, **how: bool) -> None:
        await self.came.wait()
        if self.error is not None:
            raise self.error


def use(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "await_usable", checks)
    monkeypatch.setattr(wiring, "FIRST_ANSWER_S", 0.05)


def test_every_limit_that_can_be_set_reaches_every_process() -> None:
    names = [field.name for field in fields(Limits) if field.name in Settings.model_fields]
    settings = SETTINGS.model_copy(update={name: 10_000 + n for n, name in enumerate(names)})

    limits = wiring.limits_of(settings)

    assert len(names) == 8
    assert [getattr(limits, name) for name in names] == [10_000 + n for n in range(8)]


async def test_a_redis_that_fails_a_check_at_once_keeps_the_process_from_serving(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks(ConfigError("too old"))
    checks.came.set()
    use(checks, monkeypatch)

    with pytest.raises(ConfigError, match="too old"):
        async with wiring.usable_while_serving(redis, SETTINGS):
            pytest.fail("served on it")


async def test_requests_are_served_while_redis_is_away(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Checks(), monkeypatch)

    async with wiring.usable_while_serving(redis, SETTINGS):
        served = True

    assert served


async def test_a_redis_that_comes_late_and_fails_a_check_ends_the_process(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checks, ended = Checks(ConfigError("too old")), asyncio.Event()
    use(checks, monkeypatch)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    async with wiring.usable_while_serving(redis, SETTINGS), asyncio.timeout(PATIENCE_S):
        checks.came.set()
        await ended.wait()

    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert [getattr(record, "error", "") for record in caplog.records] == ["too old"]

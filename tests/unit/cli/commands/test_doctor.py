"""What the doctor makes of what it is told."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from cli.commands.doctor import (
    check_api,
    delivery_findings,
    readiness_findings,
    schedule_findings,
    webhook_findings,
    worker_findings,
)
from cli.commands.redis_findings import (
    Finding,
    durability_finding,
    eviction_finding,
    memory_findings,
    orchestrator_finding,
    persistence_finding,
    skew_finding,
    version_finding,
)
from cli.stack.healthcheck import tick_trouble, worker_trouble
from tests.unit.cli.commands.invoking import answer_with


@pytest.mark.parametrize(
    ("information", "is_ok"),
    [
        ({"redis_version": "7.0.15"}, True),
        ({"redis_version": "6.2.14"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, True),
    ],
)
def test_redis_7_and_valkey_are_new_enough(information: dict[str, Any], is_ok: bool) -> None:
    assert version_finding(information).is_ok is is_ok


def test_schedules_that_start_nothing_are_named_with_the_reason() -> None:
    fine = {"name": "fine", "workflow": "w", "last_error": None, "paused_reason": None}
    failing = {**fine, "name": "nightly", "workflow": "orders", "last_error": "'inputs': 'b' is missing"}
    paused = {**fine, "name": "hourly", "paused_reason": "execution x failed"}

    found = list(schedule_findings([fine, failing, paused]))

    assert [each.detail for each in found] == [
        "nightly could not start orders: 'inputs': 'b' is missing",
        "hourly is paused: execution x failed",
    ]
    assert {each.mark for each in found} == {"warn"}


def hook(path: str, reason: str | None, **changed: Any) -> dict[str, Any]:
    """A webhook whose last call was refused, unless there is no reason."""
    last = {"at": "2026-01-02T00:00:00Z", "reason": reason, "detail": f"words of {reason}"}
    deliveries = {
        "rejected": 2,
        "rejected_for": {reason: 2} if reason else {},
        "last_rejected": last if reason else None,
        "last_at": "2026-01-02T00:00:00Z",
    }
    record = {"path": path, "scheme": "hub256", "is_active": True, "updated_at": "2026-01-01T00:00:00Z"}
    return record | {"deliveries": deliveries} | changed


@pytest.mark.parametrize(
    ("found", "cure"),
    [
        (hook("orders", "mismatch"), "./headrace webhooks rotate orders"),
        (hook("orders", "late"), "clock of the sender"),
        (hook("orders", "early"), "clock of the sender"),
        (hook("orders", "missing"), "as the scheme asks"),
        (hook("orders", "malformed"), "as the scheme asks"),
        (hook("orders", "no_secret"), "./headrace webhooks rotate orders"),
        (hook("orders", "no_secret", scheme="none"), "another scheme"),
    ],
)
def test_a_webhook_that_refused_its_last_call_is_named_with_the_cure(
    found: dict[str, Any], cure: str
) -> None:
    reason = found["deliveries"]["last_rejected"]["reason"]

    (finding,) = webhook_findings([hook("fine", None), found])

    assert finding.detail.startswith("orders refused its last call ")
    assert f"words of {reason}\n2 rejected (2 {reason}; " in finding.detail
    assert cure in finding.advice
    assert finding.mark == "warn"


def test_a_webhook_that_took_a_call_or_was_changed_since_is_well() -> None:
    refused = hook("orders", "mismatch")
    taken = refused | {"deliveries": refused["deliveries"] | {"last_at": "2026-01-02T00:00:00.001Z"}}
    rotated = hook("orders", "mismatch", updated_at="2026-01-02T00:00:01Z")
    paused = hook("orders", "mismatch", is_active=False)
    of_an_older_server = hook("orders", None)
    of_an_older_server["deliveries"].pop("last_rejected")

    assert list(webhook_findings([taken, rotated, paused, of_an_older_server])) == []


def test_messages_that_do_not_get_through_are_counted_by_their_error() -> None:
    tried = {"last_attempt": {"error": "WEBHOOK_SECRETS has no 'default'"}}
    waiting: list[dict[str, Any]] = [tried, {"last_attempt": None}, tried, {"last_attempt": {"error": "500"}}]

    assert [each.detail for each in delivery_findings(waiting)] == [
        "2 undelivered: WEBHOOK_SECRETS has no 'default'",
        "1 undelivered: 500",
    ]


def test_valkey_is_called_by_its_own_version() -> None:
    assert version_finding({"redis_version": "7.2.4", "valkey_version": "9.1.2"}).detail == "Valkey 9.1.2"


@pytest.mark.parametrize(
    ("used", "most", "expected"),
    [
        (900, 0, []),
        (80, 100, [("ok  ", "80% of maxmemory: 80 of 100 MiB")]),
        (90, 100, [("warn", "90% of maxmemory: 90 of 100 MiB")]),
        (101, 100, [("FAIL", "101% of maxmemory: 101 of 100 MiB; new work is refused")]),
    ],
)
def test_memory_is_told_before_it_is_full(used: int, most: int, expected: list[tuple[str, str]]) -> None:
    found = list(memory_findings({"used_memory": used * 2**20, "maxmemory": most * 2**20}))

    assert [(each.mark, each.detail) for each in found] == expected
    assert all("./headrace purge" in each.advice for each in found)


def test_an_eviction_policy_is_a_failure_with_the_cure() -> None:
    finding = eviction_finding("allkeys-lru", {})

    assert finding.mark == "FAIL"
    assert "CONFIG SET maxmemory-policy noeviction" in finding.advice


def test_a_policy_that_cannot_be_read_is_taken_from_info_or_is_a_warning() -> None:
    assert eviction_finding(None, {"maxmemory_policy": "noeviction"}).is_ok
    assert eviction_finding(None, {}).mark == "warn"


@pytest.mark.parametrize(
    ("information", "appendonly", "save", "mark"),
    [
        ({"aof_enabled": 1, "aof_last_write_status": "ok"}, "yes", "", "ok  "),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "yes", "", "FAIL"),
        ({"aof_enabled": 0}, "no", "3600 1", "warn"),
        ({"aof_enabled": 0}, "no", "", "warn"),
        ({"aof_enabled": 1, "aof_last_write_status": "ok"}, None, None, "ok  "),
    ],
)
def test_persistence(
    information: dict[str, Any], appendonly: str | None, save: str | None, mark: str
) -> None:
    assert persistence_finding(information, appendonly, save).mark == mark


@pytest.mark.parametrize(
    ("skew_ms", "mark"), [(0, "ok  "), (-999, "ok  "), (5_000, "warn"), (-90_000, "FAIL")]
)
def test_clocks(skew_ms: int, mark: str) -> None:
    assert skew_finding(skew_ms).mark == mark


def test_no_worker_is_a_failure_and_a_queue_nobody_reads_another() -> None:
    worker = {"name": "worker-1", "queues": ["default"]}
    full = {"queue": "gpu", "length": 3}

    assert [f.is_ok for f in worker_findings([], [full])] == [False]
    found = list(worker_findings([worker], [full, {"queue": "default", "length": 9}]))
    assert [f.is_ok for f in found] == [True, False]
    assert "WORKER_QUEUES=gpu" in found[1].advice


def test_only_what_the_api_finds_wrong_is_repeated() -> None:
    checks = {"redis": {"ok": True, "detail": "fine"}, "scripts": {"ok": False, "detail": "not loaded"}}

    assert [f.what for f in readiness_findings({"checks": checks})] == ["scripts"]


def test_a_full_disk_is_named_where_the_api_cannot_write() -> None:
    full = {
        "redis": {"ok": False, "detail": "ResponseError: MISCONF Errors writing to the AOF file: No space"}
    }

    (finding,) = readiness_findings({"checks": full})

    assert "disk" in finding.advice


def test_snapshots_that_fail_are_a_failure_of_the_disk() -> None:
    finding = persistence_finding({"aof_enabled": 0, "rdb_last_bgsave_status": "err"}, "no", "3600 1")

    assert (finding.mark, "disk" in finding.advice) == ("FAIL", True)


def test_a_silent_orchestrator_is_a_failure() -> None:
    assert orchestrator_finding(9_500, 9_500, now_ms=10_000).is_ok
    silent = orchestrator_finding(1_000, 1_000, now_ms=10_000)
    assert (silent.mark, "orchestrator.starter" in silent.advice) == ("FAIL", True)


@pytest.mark.parametrize("own_ms", [None, 1_000])
def test_workers_that_stand_in_for_a_dead_orchestrator_are_a_warning(own_ms: int | None) -> None:
    found = orchestrator_finding(9_500, own_ms, now_ms=10_000)

    assert found.mark == "warn"
    assert "workers stand in for its timers and retries" in found.detail
    assert "schedules, repairs and purges wait" in found.advice


def test_a_finding_that_is_well_says_ok() -> None:
    assert Finding("API", True, "answers").mark == "ok  "


def test_an_orchestrator_lives_while_it_ticks() -> None:
    assert tick_trouble(9_000, now_ms=10_000) == ""
    assert "3000 ms old" in tick_trouble(7_000, now_ms=10_000)
    assert "ever" in tick_trouble(None, now_ms=10_000)


def test_a_worker_lives_while_one_of_its_host_announces_itself() -> None:
    here, there = {"host": "here", "beat_ms": "9000"}, {"host": "there", "beat_ms": "100"}

    assert worker_trouble([here, there], host="here", now_ms=10_000, oldest_beat_ms=2_000) == ""
    assert "9900 ms old" in worker_trouble([here, there], host="there", now_ms=10_000, oldest_beat_ms=2_000)
    assert "no worker on elsewhere" in worker_trouble([here], host="elsewhere", now_ms=1, oldest_beat_ms=1)


@pytest.mark.parametrize(
    ("information", "fsync", "mark"),
    [
        ({"aof_enabled": 1, "aof_delayed_fsync": 0}, "everysec", "ok  "),
        ({"aof_enabled": 1, "aof_delayed_fsync": 3}, "everysec", "warn"),
        ({"aof_enabled": 1, "aof_delayed_fsync": 3}, None, "warn"),
        ({"aof_enabled": 1, "aof_delayed_fsync": 3}, "always", "ok  "),
        ({"aof_enabled": 0}, "everysec", "warn"),
    ],
)
def test_a_disk_that_was_too_slow_is_a_warning(
    information: dict[str, Any], fsync: str | None, mark: str
) -> None:
    assert durability_finding(information, fsync, has_waitaof=True).mark == mark


@pytest.mark.parametrize(
    ("has_waitaof", "said"), [(True, "has WAITAOF"), (False, "no WAITAOF"), (None, "hides")]
)
def test_whether_the_server_can_confirm_is_said(has_waitaof: bool | None, said: str) -> None:
    assert said in durability_finding({"aof_enabled": 1}, "everysec", has_waitaof=has_waitaof).detail


@pytest.mark.parametrize("status", [401, 403])
def test_without_the_operators_key_workers_are_not_looked_at_and_nothing_else_is_wrong(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/health":
            return httpx2.Response(200, json={"status": "ok"})
        return httpx2.Response(status, json={"detail": "a key is required"})

    answer_with(monkeypatch, answer)

    api, workers = check_api("http://headrace")

    assert api.is_ok
    assert (workers.what, workers.is_ok, workers.is_warning) == ("workers", False, True)
    assert "OPERATOR_KEY" in workers.advice

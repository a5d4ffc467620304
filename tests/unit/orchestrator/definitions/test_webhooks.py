"""What a document may say of a webhook, and what is kept of one."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.webhooks import (
    Counts,
    Kind,
    Secret,
    WebhookRecord,
    WebhookSpec,
    is_known_path,
    is_path,
    read_secrets,
    read_webhook,
    secrets_text,
)
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.documents.signatures import Refusal, Scheme

RECORD = {
    b"hook_id": b"h1", b"tenant": b"acme", b"workflow_id": b"wf_1", b"scheme": b"hub256", b"header": b"",
    b"inputs": b"none", b"is_active": b"1", b"owner": b"", b"secrets": b"5 - the secret\n9 20 other",
    b"revision": b"3", b"created_ms": b"5", b"updated_ms": b"6", b"accepted": b"4",
}  # fmt: skip


def read(raw: dict[str, Any], kind: Kind = "webhook") -> tuple[WebhookSpec | None, list[str]]:
    findings = Findings(Limits())
    spec = read_webhook(Fields(raw, "triggers.webhooks[0]", findings), kind)
    return spec, [problem.message for problem in findings.problems]


def test_a_scheme_is_all_that_is_needed() -> None:
    assert read({"scheme": "hub256"}) == (WebhookSpec(None, Scheme.HUB256), [])
    assert read({"scheme": "header_token"})[0] == WebhookSpec(None, Scheme.HEADER_TOKEN, "x-webhook-token")


def test_path_header_and_inputs_may_be_named() -> None:
    raw = {"path": "orders.v1", "scheme": "header_token", "header": "X-Gitlab-Token", "inputs": "payload"}

    assert read(raw)[0] == WebhookSpec("orders.v1", Scheme.HEADER_TOKEN, "x-gitlab-token", "payload")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "'triggers.webhooks[0].scheme' is missing; one of hub256, standard, header_token, none"),
        ({"scheme": "hub265"}, "'triggers.webhooks[0].scheme' must be one of"),
        ({"scheme": "hub256", "secret": "x"}, "unknown field 'secret' in 'triggers.webhooks[0]'"),
        ({"scheme": "hub256", "path": "a b"}, "'triggers.webhooks[0].path' must be 1 to 128 of"),
        ({"scheme": "hub256", "path": 7}, "'triggers.webhooks[0].path' must be text"),
        ({"scheme": "hub256", "header": "X-A"}, "'triggers.webhooks[0].header' is for the scheme"),
        ({"scheme": "header_token", "header": "a b"}, "'triggers.webhooks[0].header' must be the name of"),
        ({"scheme": "header_token", "header": "Cookie"}, "'triggers.webhooks[0].header' must be the name of"),
        ({"scheme": "hub256", "inputs": "body"}, "'triggers.webhooks[0].inputs' must be one of"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(raw: dict[str, Any], message: str) -> None:
    spec, messages = read(raw)

    assert spec is None
    assert messages[0].startswith(message)


@pytest.mark.parametrize(
    ("path", "kind", "is_right"),
    [
        ("orders", "webhook", True),
        ("Orders_1.v2~x-y", "webhook", True),
        ("a" * 128, "webhook", True),
        ("a" * 129, "webhook", False),
        ("", "webhook", False),
        (".", "webhook", False),
        ("..", "webhook", False),
        ("...", "webhook", True),
        ("a/b", "webhook", False),
        ("a/b", "path", True),
        ("a//b", "path", False),
        ("a/../b", "path", False),
        ("a:b", "webhook", False),
        ("a b", "webhook", False),
        ("ä", "webhook", False),
        ("a\n", "webhook", False),
        # Such paths are made, and belong to any tenant: one that could be chosen would tell which there are.
        ("wh_", "webhook", False),
        ("wh_" + 32 * "0", "webhook", False),
    ],
)
def test_which_paths_can_be_chosen(path: str, kind: Kind, is_right: bool) -> None:
    assert is_path(path, kind) is is_right


def test_a_path_that_was_made_is_known() -> None:
    assert is_known_path("wh_" + 32 * "0")
    assert is_known_path("orders")
    assert not is_known_path("wh_")
    assert not is_known_path("a/b")


def test_secrets_are_read_as_they_are_written_and_shown_nowhere() -> None:
    secrets = (Secret(5, None, "with a blank"), Secret(9, 20, "other"))

    assert read_secrets(secrets_text(secrets)) == secrets
    assert read_secrets("") == ()
    assert "blank" not in repr(secrets)


def test_a_record_knows_its_state_and_which_secrets_are_good() -> None:
    record = WebhookRecord.from_redis("webhook", "orders", RECORD)

    assert (record.tag, record.name, record.counts.accepted) == ("h1.3", "webhook:orders", 4)
    assert [each.kept for each in record.live_secrets(19)] == ["the secret", "other"]
    assert [each.kept for each in record.live_secrets(20)] == ["the secret"]
    assert "the secret" not in repr(record)


def test_a_record_of_before_reasons_were_counted_has_none() -> None:
    record = WebhookRecord.from_redis(
        "webhook", "orders", RECORD | {b"rejected": b"2", b"last_ms": b"9", b"last_reason": b"of_tomorrow"}
    )

    assert record.counts == Counts(accepted=4, rejected=2, last_ms=9)


def test_a_record_says_what_was_refused_for_which_reason() -> None:
    counted = {b"rejected": b"3", b"rejected|late": b"1", b"rejected|mismatch": b"2"}
    last = {b"last_reason": b"late", b"last_rejected_ms": b"8", b"last_accepted_ms": b"7"}

    counts = WebhookRecord.from_redis("webhook", "orders", RECORD | counted | last).counts

    assert counts.rejected_for == {Refusal.LATE: 1, Refusal.MISMATCH: 2}
    assert (counts.last_reason, counts.last_rejected_ms, counts.last_accepted_ms) == (Refusal.LATE, 8, 7)


def test_a_record_that_no_engine_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the field 'scheme'"):
        WebhookRecord.from_redis("webhook", "x", {b"hook_id": b"h", b"tenant": b"t", b"workflow_id": b"w"})

"""Targets of ends: what may be said, and what is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.targets import Target, Targets, joined_targets, read_targets
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.states import ExecutionStatus

URL = "https://receiver.example/hook"
E = ExecutionStatus


def read(**said: Any) -> tuple[Targets, list[tuple[str, str]]]:
    """Targets, and path and message of each problem."""
    findings = Findings(Limits())
    targets = read_targets(Fields(said, "", findings))
    return targets, [(problem.path, problem.message) for problem in findings.problems]


def test_a_target_is_one_or_a_list() -> None:
    targets, problems = read(
        on_complete={"url": URL, "secret": "shop", "headers": {"X-Team": "ops"}},
        on_failure=[{"url": "ops"}, {"workflow": "cleanup", "inputs": {"n": 1}}],
        on_cancel=[],
    )

    assert problems == []
    assert targets == {
        E.COMPLETED: (Target(url=URL, secret="shop", headers={"X-Team": "ops"}),),
        E.FAILED: (Target(url="ops"), Target(workflow="cleanup", inputs={"n": 1})),
    }


@pytest.mark.parametrize(
    "target", [Target(url=URL), Target(url=URL, secret="s", headers={"A": "b"}), Target(workflow="w")]
)
def test_a_target_is_read_as_it_was_written(target: Target) -> None:
    assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"url":"a","workflow":"b"}'])
def test_what_no_engine_wrote_is_no_target(text: bytes) -> None:
    with pytest.raises(ValueError):
        Target.from_json(text)


@pytest.mark.parametrize(
    ("target", "path", "message"),
    [
        ("x", "on_complete", "'on_complete' must be an object with 'url' or with 'workflow', got 'x'"),
        ({}, "on_complete", "needs either 'url', a webhook, or 'workflow', which is started; found neither"),
        ({"url": URL, "workflow": "w"}, "on_complete", "found both"),
        ({"url": 5}, "on_complete.url", "'on_complete.url' must be text, got 5"),
        ({"url": "ftp://a/b"}, "on_complete.url", "has the scheme 'ftp'; allowed: http://, https://"),
        ({"url": "https://a:b@c/"}, "on_complete.url", "holds a user name or password"),
        ({"url": "https:///x"}, "on_complete.url", "has no valid host and port"),
        ({"url": "https://a:99999/"}, "on_complete.url", "has no valid host and port"),
        ({"url": "https://a b/"}, "on_complete.url", "has no valid host and port"),
        ({"url": "https://{{ inputs.host }}/"}, "on_complete.url", "templates are not resolved here"),
        ({"url": "no name"}, "on_complete.url", "or the name of one in NOTIFY_URLS; found 'no name'"),
        ({"url": "https://a/" + "x" * 2_048}, "on_complete.url", "has 2,058 characters; allowed are 2,048"),
        ({"url": URL, "inputs": {}}, "on_complete.inputs", "unknown field 'inputs'"),
        ({"url": URL, "secret": "whsec_abc"}, "on_complete.secret", "must be the name of a secret"),
        ({"url": URL, "headers": []}, "on_complete.headers", "must be an object of texts"),
        ({"url": URL, "headers": {"a b": "c"}}, "on_complete.headers.a b", "cannot be the name of a header"),
        ({"url": URL, "headers": {"Webhook-Id": "1"}}, "on_complete.headers.Webhook-Id", "by the message"),
        ({"url": URL, "headers": {"Authorization": "x"}}, "on_complete.headers.Authorization", "a secret"),
        ({"url": URL, "headers": {"A": "x\ny"}}, "on_complete.headers.A", "printable ASCII"),
        ({"url": URL, "headers": {"A": 1}}, "on_complete.headers.A", "printable ASCII"),
        ({"url": URL, "headers": {f"A{n}": "" for n in range(17)}}, "on_complete.headers", "17 headers"),
        ({"workflow": "No Name"}, "on_complete.workflow", "the name or id of a registered workflow"),
        ({"workflow": "w", "inputs": []}, "on_complete.inputs", "'on_complete.inputs' must be an object"),
        ({"workflow": "w", "inputs": {"a": "x" * 17_000}}, "on_complete.inputs", "allowed are 16,384"),
        ([{"url": URL}] * 6, "on_complete", "'on_complete' has 6 targets; allowed are 5"),
        ([{"url": URL}, {"url": 5}], "on_complete[1].url", "'on_complete[1].url' must be text"),
    ],
)
def test_a_wrong_target_is_refused_with_its_place(target: Any, path: str, message: str) -> None:
    _, problems = read(on_complete=target)

    ((found_path, found_message),) = problems
    assert found_path == path
    assert message in found_message


def test_targets_of_a_start_follow_those_of_the_definition() -> None:
    first, second = (
        {E.COMPLETED: (Target(url="a"),)},
        {
            E.COMPLETED: (Target(url="b"),),
            E.FAILED: (Target(url="c"),),
        },
    )

    assert joined_targets(first, second) == {
        E.COMPLETED: (Target(url="a"), Target(url="b")),
        E.FAILED: (Target(url="c"),),
    }
    assert joined_targets({}, first) == joined_targets(first, {}) == first


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (Target(url="https://a.example:8443/s3cret?key=1"), "https://a.example:8443"),
        (Target(url="ops"), "ops"),
        (Target(workflow="cleanup"), "workflow cleanup"),
    ],
)
def test_a_place_leaves_out_what_may_be_secret(target: Target, place: str) -> None:
    assert target.place == place

"""Names of secrets and of URLs that no live worker has."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import Problem
from orchestrator.execution.inventory import Configured, configured_by
from orchestrator.lint.lint import lint
from tests.dags import node, workflow
from tests.unit.orchestrator.lint.cases import codes, definition, reading
from workers.handlers import Catalogue

HAS = Configured(frozenset({"TOKEN"}), frozenset({"default", "billing"}), frozenset({"ops"}))
HOOK = "https://example.com/hook"


def found(*nodes: dict[str, Any], configured: Configured = HAS, **extras: Any) -> list[Problem]:
    return lint(definition(*nodes, **extras), configured=configured)


def notify(**config: Any) -> dict[str, Any]:
    return node("N", handler="notify") | {"config": {"message": "hello", **config}}


@pytest.mark.parametrize(
    "text", ["{{ secrets.TOKEN }}", "Bearer {{ secrets.TOKEN | upper }}", "{{ inputs.secrets }} secrets.NOPE"]
)
def test_a_secret_that_a_worker_has_is_no_matter(text: str) -> None:
    assert found(reading("A", text)) == []


@pytest.mark.parametrize("text", ["{{ secrets.TOKAN }}", "x {{ secrets['TOKAN'] ~ inputs.a }}"])
def test_a_secret_that_no_worker_has_is_told_with_its_place_and_a_guess(text: str) -> None:
    (problem,) = found(node("A"), reading("B", text))

    assert (problem.path, problem.code) == ("dag.nodes[1].config.text", "secret_not_set")
    assert problem.message == "'B' reads secrets.TOKAN, which no live worker has"
    assert "TOKEN" in (problem.hint or "")


def test_a_secret_that_is_like_no_other_is_told_with_what_sets_it() -> None:
    (problem,) = found(reading("A", "{{ secrets.STRIPE_KEY }}"))

    assert problem.hint == "set SECRET_STRIPE_KEY, or that of the tenant, where workers run"


def test_what_workers_have_may_not_be_known() -> None:
    assert codes(reading("A", "{{ secrets.NOPE }}")) == []


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"channel": "slack", "url": "opps"}, "config.url"),
        ({"channel": "webhook", "url": "ops", "secret": "biling"}, "config.secret"),
        ({"channel": "webhook", "url": HOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, None),
        ({"channel": "webhook", "url": "{{ inputs.url }}", "secret": "billing"}, None),
        ({"channel": "log", "message": "x"}, None),
    ],
)
def test_names_of_messages_are_looked_for(config: dict[str, Any], path: str | None) -> None:
    wanted = [] if path is None else [(f"dag.nodes[0].{path}", "name_not_set")]

    made = compile_definition(workflow(notify(**config)), handlers=Catalogue())
    assert [(each.path, each.code) for each in lint(made, configured=HAS)] == wanted


def test_targets_of_the_end_are_looked_for_with_what_signs_them() -> None:
    targets = [{"url": HOOK}, {"url": "opps", "secret": "other"}, {"workflow": "cleanup"}]

    assert found(node("A"), on_failure={"url": "ops"}) == []
    assert [each.path for each in found(node("A"), on_failure=targets)] == [
        "on_failure[1].url",
        "on_failure[1].secret",
    ]
    (unsigned,) = found(node("A"), on_complete={"url": HOOK}, configured=Configured())
    assert (unsigned.path, unsigned.message) == (
        "on_complete",
        "on_complete names 'default' of WEBHOOK_SECRETS, which no live worker has",
    )
    assert unsigned.hint == "WEBHOOK_SECRETS of live workers: none"


def test_what_one_worker_has_is_enough_and_one_that_says_nothing_may_have_all() -> None:
    other = Configured(secrets=frozenset({"B"}))

    assert configured_by([{"default": HAS}, {"default": other, "acme": other}]) == {
        "default": HAS | other,
        "acme": other,
    }
    assert configured_by([{"default": HAS}, None]) is None
    assert configured_by([]) is None

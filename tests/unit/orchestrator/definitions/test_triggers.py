"""The `triggers` of a document."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.triggers import NO_TRIGGERS, Triggers, read_triggers
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings


def read(triggers: Any) -> tuple[Triggers, dict[str, str]]:
    findings = Findings(Limits())
    found = read_triggers(Fields({"triggers": triggers}, "", findings), findings)
    return found, {problem.path: problem.message for problem in findings.problems}


def test_a_document_names_schedules() -> None:
    found, wrong = read({"schedules": [{"cron": "@daily"}, {"name": "weekly", "cron": "@weekly"}]})

    assert wrong == {}
    assert [each.entry for each in found.schedules] == ["", "weekly"]
    assert found.schedules[1].given == {"cron": "@weekly"}


def test_a_document_names_webhooks() -> None:
    found, wrong = read({"webhooks": [{"path": "orders", "scheme": "hub256"}, {"scheme": "standard"}]})

    assert wrong == {}
    assert [each.path for each in found.webhooks] == ["orders", None]


def test_a_document_names_trigger_paths() -> None:
    found, wrong = read({"paths": [{"path": "orders/new"}, {}]})

    assert wrong == {}
    assert found.paths == ("orders/new", None)


def test_a_document_without_triggers_has_none() -> None:
    assert read(None) == (NO_TRIGGERS, {})
    assert read({}) == (NO_TRIGGERS, {})


@pytest.mark.parametrize(
    ("triggers", "places"),
    [
        ([], {"triggers"}),
        ({"schedule": []}, {"triggers.schedule"}),
        ({"schedules": {}}, {"triggers.schedules"}),
        ({"schedules": [5]}, {"triggers.schedules[0]"}),
        ({"schedules": [{"every": "5m"}] * 21}, {"triggers.schedules"}),
        ({"schedules": [{"every": "5m"}, {"every": "6m"}]}, {"triggers.schedules[1].name"}),
        ({"schedules": [{"every": "5m", "name": "-a"}]}, {"triggers.schedules[0].name"}),
        ({"schedules": [{"every": "5m", "name": 5}]}, {"triggers.schedules[0].name"}),
        ({"schedules": [{"every": "5m", "crn": 5}]}, {"triggers.schedules[0].crn"}),
        ({"webhooks": {}}, {"triggers.webhooks"}),
        ({"webhooks": [{"path": "a", "scheme": "none"}] * 2}, {"triggers.webhooks[1].path"}),
        ({"webhooks": [{"path": "a b", "scheme": "none"}]}, {"triggers.webhooks[0].path"}),
        ({"paths": ["a"]}, {"triggers.paths[0]"}),
        (
            {"paths": [{"path": "a"}, {"path": "/b"}, {"path": "a"}]},
            {"triggers.paths[1].path", "triggers.paths[2].path"},
        ),
        ({"paths": [{}, {}]}, {"triggers.paths[1].path"}),
        ({"paths": [{"path": "a", "scheme": "none"}]}, {"triggers.paths[0].scheme"}),
    ],
)
def test_what_is_wrong_is_told_with_its_place(triggers: Any, places: set[str]) -> None:
    assert set(read(triggers)[1]) == places

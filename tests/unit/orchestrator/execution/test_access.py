"""Scopes: each opens what those before it open."""

from __future__ import annotations

import pytest

from orchestrator.execution.access import Scope, opened_by

OPENS = {"read": {"read"}, "run": {"read", "run"}, "admin": {"read", "run", "admin"}}


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_what_those_before_it_open(scope: Scope) -> None:
    assert opened_by([scope]) == OPENS[scope]


def test_one_scope_that_is_enough_is_enough() -> None:
    assert opened_by([Scope.READ, Scope.ADMIN]) == OPENS["admin"]


def test_without_scopes_nothing_opens() -> None:
    assert opened_by([]) == frozenset()

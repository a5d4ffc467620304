"""Scopes: each opens what those before it open."""

from __future__ import annotations

import pytest

from orchestrator.execution.access import ApiKey, Identity, Scope

OPENS = {"read": {"read"}, "run": {"read", "run"}, "admin": {"read", "run", "admin"}}


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_what_those_before_it_open(scope: Scope) -> None:
    assert {str(needed) for needed in Scope if scope.opens(needed)} == OPENS[scope]


def test_one_scope_that_is_enough_is_enough() -> None:
    both = frozenset({Scope.READ, Scope.ADMIN})

    assert Identity("acme", both).opens(Scope.RUN)
    assert ApiKey("id", "acme", "digest", "ci", both, 0, None, None).opens(Scope.RUN)


def test_without_scopes_nothing_opens() -> None:
    assert not any(Identity(None, frozenset()).opens(scope) for scope in Scope)

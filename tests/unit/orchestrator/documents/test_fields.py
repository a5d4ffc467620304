"""Fields of a submitted object, read by type."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings


def fields(**raw: Any) -> Fields:
    return Fields(raw, "node", Findings(Limits()))


def problems(read: Fields) -> list[tuple[str, str]]:
    return [(problem.code, problem.message) for problem in read.findings.problems]


def test_absent_and_null_fields_have_their_default() -> None:
    read = fields(flag=None)

    assert read.flag("flag", default=True) is True
    assert read.whole_number("count", least=0, most=9, default=3) == 3
    assert read.number("share", least=0, most=100, default=1.5) == 1.5
    assert read.choice("rule", {"a": 1}, None) is None
    assert (read.text("text"), read.duration("timeout"), read.identifier("id")) == (None, None, "")
    assert not problems(read)


@pytest.mark.parametrize(
    ("value", "found"), [(0, "0"), (10, "10"), (True, "true"), (2.0, "2.0"), ("2", "'2'"), ([], "a list")]
)
def test_a_whole_number_is_an_integer_within_its_bounds(value: Any, found: str) -> None:
    read = fields(count=value)

    assert read.whole_number("count", least=1, most=9, default=3) == 3
    assert problems(read) == [
        ("bad_value", f"'node.count' must be a whole number from 1 to 9, got {found}"),
    ]


def test_a_number_may_have_a_fraction() -> None:
    assert fields(share=33.4).number("share", least=0, most=100, default=0) == 33.4
    assert fields(share=float("nan")).number("share", least=0, most=100, default=0) == 0


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    read = fields(max_atempts=3)

    read.refuse_unknown(frozenset({"max_attempts"}), ("max_attempts",))

    (problem,) = read.findings.problems
    assert (problem.path, problem.hint) == ("node.max_atempts", "did you mean 'max_attempts'?")


def test_a_missing_identifier_is_a_problem_only_where_it_is_required() -> None:
    read = fields()

    assert read.identifier("queue") == ""
    assert read.identifier("id", required=True) == ""
    assert problems(read) == [("missing", "'node.id' is missing")]

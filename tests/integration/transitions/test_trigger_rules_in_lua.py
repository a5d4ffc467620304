"""What Python and the scripts share: each rule asked of the server and compared with the answer of Python."""

from itertools import product

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.definitions.error_types import lua_error_types, matches
from orchestrator.definitions.trigger_rules import (
    RULES,
    WAIT,
    TriggerRule,
    lua_outcomes,
    lua_rules,
    outcome_class,
    truth_table,
)
from orchestrator.errors import NodeError
from orchestrator.states import TABLE, Cancelling, NodeStatus, Reason, end_of, lua_ends

ASK = (
    lua_rules()
    + """
local answers = {}
for i = 1, #ARGV, 5 do
  local ok, bad, skip = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local total = tonumber(ARGV[i + 4])
  answers[#answers + 1] = RULES[ARGV[i]](ok, bad, skip, ok + bad + skip, total) or 'wait'
end
return answers
"""
)
ASK_OUTCOME = lua_outcomes() + "return outcome_of(ARGV[1], ARGV[2] ~= '' and ARGV[2] or nil) or ''"
ASK_END = lua_ends() + "return {end_of(ARGV[1] ~= '' and ARGV[1] or nil, tonumber(ARGV[2]))}"
ASK_NAMED = (
    lua_error_types()
    + "local answers, of = {}, error_type_of(ARGV[1]) "
    + "for i = 2, #ARGV do answers[i - 1] = is_named(of, ARGV[i]) and 1 or 0 end return answers"
)

#: So few letters that texts and patterns meet.
PIECES = st.text("ab.-", max_size=3)
PATTERNS = st.lists(st.one_of(PIECES, st.just("*")), min_size=1, max_size=6).map("".join).filter(bool)
TYPES = st.one_of(
    st.text("ab.-", max_size=8),
    st.text('ab.*%[?\\"\nu0é\x01', max_size=8),
    st.text(max_size=8),
)


async def test_every_cell_of_the_truth_table_is_the_same_in_lua(redis: Redis) -> None:
    cells = list(truth_table(5))
    for rule in TriggerRule:
        mine = [cell for cell in cells if cell.rule == rule]
        arguments = [
            str(value) for cell in mine for value in (cell.rule, cell.ok, cell.bad, cell.skip, cell.total)
        ]

        answers = await redis.eval(ASK, 0, *arguments)

        assert [answer.decode() for answer in answers] == [str(cell.verdict) for cell in mine], rule


async def test_lua_knows_exactly_the_rules_python_knows(redis: Redis) -> None:
    names = "local names = {} for name in pairs(RULES) do names[#names + 1] = name end return names"

    answers = await redis.eval(lua_rules() + names, 0)

    assert {answer.decode() for answer in answers} == set(RULES)
    assert str(WAIT) not in RULES


@pytest.mark.parametrize("status", NodeStatus)
@pytest.mark.parametrize("reason", [None, *Reason])
async def test_a_dependency_counts_the_same_in_lua(
    redis: Redis, status: NodeStatus, reason: Reason | None
) -> None:
    answer = await redis.eval(ASK_OUTCOME, 0, str(status), str(reason or ""))

    assert answer.decode() == (outcome_class(status, reason) or "")


@pytest.mark.parametrize(("cancelling", "failed"), list(product([None, *Cancelling], [0, 1, 3])))
async def test_an_execution_ends_the_same_in_lua(
    redis: Redis, cancelling: Cancelling | None, failed: int
) -> None:
    answer = await redis.eval(ASK_END, 0, str(cancelling or ""), str(failed))

    end = end_of(cancelling, failed)
    assert [text.decode() for text in answer] == [end.status, end.event, end.cause]
    assert end.event in {row.event for row in TABLE if row.target == end.status}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(error_type=TYPES, patterns=st.lists(PATTERNS, min_size=1, max_size=8))
@example("Http.5xx", ["Http.5xx", "Http.*", "*", "*5*", "http.*", "Http.5xx*", "*.5xx", "Http*Http.5xx"])
@example("aba", ["aba*aba", "*ba*ba", "a*a", "a*ba*", "ab*ba"])
@example('a"b\\n\n', ["a*b*n*", "a*n", "*"])
async def test_a_pattern_names_the_same_errors_in_lua(
    redis: Redis, error_type: str, patterns: list[str]
) -> None:
    error = orjson.dumps(NodeError(error_type, '","message":"').to_dict())

    answers = await redis.eval(ASK_NAMED, 0, error, *patterns)

    assert [bool(answer) for answer in answers] == [matches(error_type, (each,)) for each in patterns]


async def test_a_pattern_of_many_stars_is_answered_at_once(redis: Redis) -> None:
    error = orjson.dumps(NodeError("a" * 5_000, "no").to_dict())

    assert await redis.eval(ASK_NAMED, 0, error, "*a" * 60 + "*b") == [0]

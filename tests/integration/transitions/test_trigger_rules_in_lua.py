"""What Python and the scripts share: each rule asked of the server and compared with the answer of Python."""

from itertools import product

import pytest
from redis.asyncio import Redis

from orchestrator.definitions.trigger_rules import (
    RULES,
    WAIT,
    TriggerRule,
    lua_outcomes,
    lua_rules,
    outcome_class,
    truth_table,
)
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

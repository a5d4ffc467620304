"""The trigger rules as the scripts carry them: every cell of the truth table, asked of the server itself."""

from redis.asyncio import Redis

from orchestrator.definitions.trigger_rules import RULES, WAIT, TriggerRule, lua_rules, truth_table

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

-- flags: allow-oom
-- Skips a node because its `when` was false or its handler returned a skip.  RUNNING -> SKIPPED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 reason word; 15 data, JSON
-- Event node.skipped
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
end_node(x, ARGV[3], 'SKIPPED', ARGV[14], 'node.skipped', ARGV[4], ARGV[15])
settle(x)
return answer('ok', x.more)

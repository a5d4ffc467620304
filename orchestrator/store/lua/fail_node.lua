-- flags: allow-oom
-- Ends a node whose attempts are used up, or whose error allows no further one.  RUNNING -> FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3-12 see include/attempt.lua; 13 error, JSON; 14 reason word; 15 '1' also lists it in workflows:dead;
--       16 the successor that takes over by its catch, or ''
-- Event node.failed
local x, facts = leave_attempt('fail_node')
if not x then return answer(facts, 0) end
settle_failure(x, ARGV[3], ARGV[4], facts, ARGV[14], ARGV[13], ARGV[15] == '1', ARGV[16])
settle(x)
return answer('ok', x.more)

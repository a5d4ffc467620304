-- flags: allow-oom
-- Ends a node whose attempts are used up, or whose error allows no further one.  RUNNING -> FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 error, JSON; 15 reason word; 16 '1' also lists it in workflows:dead;
--       17 the successor that takes over by its catch, or ''
-- Event node.failed
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
settle_failure(x, ARGV[3], ARGV[4], facts, ARGV[15], ARGV[14], ARGV[16] == '1', ARGV[17])
settle(x)
return answer('ok', x.more)

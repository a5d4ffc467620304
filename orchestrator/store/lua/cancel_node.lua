-- flags: allow-oom
-- Ends an attempt whose handler stopped because its execution is being cancelled.  RUNNING -> CANCELLED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua
-- Reply as there, and 'uncalled' when no cancel is under way: the worker must then end the attempt with another verb.
-- Event node.cancelled
local it = open(ARGV[2])
if it and not it.cancelling then return answer('uncalled', 0) end
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
end_node(x, ARGV[3], 'CANCELLED', 'cancelled', 'node.cancelled', ARGV[4], quoted('cancelled'))
settle(x)
-- Before the cancel it was answered otherwise, and has claimed tasks then.
return answer('ok', x.more, true)

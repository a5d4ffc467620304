-- flags: allow-oom
-- Queues a running attempt again, uncharged, because its worker stops or lost the process it ran in.  RUNNING -> QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua, 14 cause: drain or host
-- Event node.queued
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
uncharge(x, ARGV[3])
local why = ARGV[14] == 'host' and '{"cause":"host"}' or '{"cause":"drain"}'
queue_node(x, ARGV[3], 'RUNNING', facts, why)
settle(x)
return answer('ok', x.more)

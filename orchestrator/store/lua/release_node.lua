-- flags: allow-oom
-- Queues a running attempt again, uncharged, because its worker stops.  RUNNING -> QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua
-- Event node.queued
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
uncharge(x, ARGV[3])
queue_node(x, ARGV[3], 'RUNNING', facts, '{"cause":"drain"}')
settle(x)
return answer('ok', x.more)

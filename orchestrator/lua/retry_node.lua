-- flags: allow-oom
-- Parks a failed attempt until its back-off ends.  RUNNING -> WAITING
-- KEYS  1 runtime of the execution
-- ARGV  3-12 see include/attempt.lua; 13 error, JSON; 14 delay, ms
-- Event node.retrying
local x, plan = leave_attempt('retry_node')
if not x then return answer(plan, 0) end
local node_id = ARGV[3]
redis.call('HSET', x.runtime, 'error|' .. node_id, ARGV[13])
-- The next try is one of the child's as well.
if plan.child then redis.call('HDEL', x.runtime, 'resume|' .. node_id) end
park_node(x, node_id, ARGV[4], 'back_off', NOW + tonumber(ARGV[14]), 'node.retrying',
  '{"delay_ms":' .. ARGV[14] .. ',"error":' .. ARGV[13] .. '}')
settle(x)
return answer('ok', x.more)

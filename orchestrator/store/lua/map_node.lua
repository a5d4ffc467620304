-- flags: allow-oom
-- Parks a node on its items; the first are started by the turn `items` of include/items.lua. A retry keeps the items and their outputs.  RUNNING -> WAITING
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 failures tolerated; 15 '1' starts no more items beyond them; 16 '1' keeps the
--       existing items; 17 how many stage_items has written; 18 … the values of those that follow, JSON
-- Event node.waiting
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id = ARGV[3]
local key = items_key(x.id, node_id)
if ARGV[16] ~= '1' then
  local staged = tonumber(ARGV[17])
  if staged == 0 then redis.call('UNLINK', key) else redis.call('HDEL', key, 'staged') end
  redis.call('HSET', key, 'total', staged + #ARGV - 17, 'tolerated', ARGV[14], 'stops', ARGV[15])
  write_values(key, 18, staged)
end
redis.call('HSET', key, 'next', 0, 'live', 0, 'FAILED', 0, 'halted', '0')
if x.cancelling then
  end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', ARGV[4], quoted('cancelled'))
else
  move(x, node_id, 'WAITING')
  redis.call('HSET', x.runtime, 'waiting_on|' .. node_id, 'map')
  redis.call('HDEL', x.runtime, 'resume|' .. node_id)
  record(x, 'node.waiting', node_id, ARGV[4],
    '{"waiting_on":"map","items":' .. redis.call('HGET', key, 'total') .. '}')
  push(x, 'items ' .. node_id)
end
settle(x)
return answer('ok', x.more)

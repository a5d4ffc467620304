-- flags: allow-oom
-- Ends a unit's wait for time, a worker or an operator: a delay completes, every other unit is queued, after a wait for an
-- operator with all its tries again. In a paused execution the unit is held.  WAITING -> QUEUED | COMPLETED
-- KEYS  1 runtime of the execution
-- ARGV  3-8 see include/manual.lua
-- Reply see there; also awaits, no retry ends this wait, and status is what it waits for
-- Event node.queued, node.completed
local x, it = check_manual('retry_node_now')
if not x then return it end
local unit, on = it.unit, it.on
if on == 'signal' or on == 'approval' or on == 'child' or not on then return {'awaits', on or '', tonumber(it.attempt), 0} end
detach(x, unit, 'WAITING', it.facts)
if on == 'delay' then
  put_output(x, unit, redis.call('HGET', x.runtime, 'kept|' .. unit) or 'null')
  redis.call('HDEL', x.runtime, 'kept|' .. unit)
  end_node(x, unit, 'COMPLETED', '', 'node.completed', it.attempt, '{"operator":' .. ARGV[8] .. '}')
else
  if on == 'operator' then start_over(x, unit, it.facts) end
  queue_node(x, unit, 'WAITING', it.facts, '{"cause":"operator","operator":' .. ARGV[8] .. '}', on == 'worker')
end
return finish_manual(x, it)

-- flags: allow-oom
-- Creates and starts the child of a unit, and parks the unit until the child ends; a detached one completes at once.
-- RUNNING -> WAITING | COMPLETED | FAILED; -> QUEUED where what was staged of the child has been given up: it is staged anew then
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 id of the child, made of execution, unit and attempt; 15 levels of children allowed below
--       the root; 16 error, JSON, for one level too many, 17 the successor that takes over by its catch then, or '';
--       18 output of a detached unit, JSON; 19 definition of the child, JSON; 20 … the last slice of the child, see
--       include/slices.lua; earlier ones are staged before
-- Event node.waiting, node.completed, node.failed, node.queued; of the child execution.created, execution.started
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id, attempt, child_id = ARGV[3], ARGV[4], ARGV[14]
local values = redis.call('HMGET', x.runtime, 'depth', 'tenant')
local depth, tenant = tonumber(values[1] or 0) + 1, values[2] or 'default'
if is_ending(x, node_id) then
  end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
elseif depth > tonumber(ARGV[15]) then
  settle_failure(x, node_id, attempt, facts, 'error', ARGV[16], false, ARGV[17])
elseif slices.lacks(child_id, tenant, 20) then
  uncharge(x, node_id)
  queue_node(x, node_id, 'RUNNING', facts, '{"cause":"staging"}')
else
  redis.call('RPUSH', children_key(x.id), child_id .. ' ' .. node_id)
  x.children = redis.call('HINCRBY', x.runtime, 'children', 1)
  set_rare(x, 'child|' .. node_id, child_id)
  redis.call('HDEL', x.runtime, 'resume|' .. node_id)
  if facts.detached then
    put_output(x, node_id, ARGV[18])
    end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, '{}')
  else
    park_on_child(x, node_id, attempt, child_id)
  end
  local child = create(child_id, tenant, ARGV[19], 20, x.id .. ' ' .. node_id, depth)
  enlist(child, tenant)
  record(child, 'execution.created', '', '', '{"parent":"' .. x.id .. '","node":"' .. node_id .. '"}')
  start(child, '', '')
end
settle(x)
return answer('ok', x.more)

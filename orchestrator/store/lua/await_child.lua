-- flags: allow-oom
-- Parks a unit until its child ends; queues it at once if the child has ended already.  RUNNING -> WAITING | QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 id of the child; 15 '1' if the child is being cancelled now: a worker
--       must check the child again after that end
-- Event node.waiting, node.queued
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id, child_id = ARGV[3], ARGV[14]
local resume = ARGV[15] == '1' and LOOK_AGAIN or nil
if resume then
  redis.call('HSET', x.runtime, 'resume|' .. node_id, resume)
else
  redis.call('HDEL', x.runtime, 'resume|' .. node_id)
end
park_on_child(x, node_id, ARGV[4], child_id)
if not is_live(child_id) then
  local status = redis.call('GET', status_key(child_id)) or 'unknown'
  wake_parent(x, node_id, child_id, status, facts, status == 'unknown' and LOOK_AGAIN or resume)
elseif is_ending(x, node_id) then
  -- The child may end at once, and with it this unit; what follows is settled below.
  x.is_settling = true
  cancel_node(x, node_id, 'WAITING')
end
settle(x)
return answer('ok', x.more)

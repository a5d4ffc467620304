-- flags: allow-oom
-- Parks a unit until the child it has ends; one that has ended meanwhile is made use of at once.  RUNNING -> WAITING | QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3-12 see include/attempt.lua; 13 id of the child; 14 '1' if its next end is not the one waited for: it is being
--       cancelled, and a worker is to look at it again then
-- Event node.waiting, node.queued
local x, facts = leave_attempt('await_child')
if not x then return answer(facts, 0) end
local node_id, child_id = ARGV[3], ARGV[13]
local resume = ARGV[14] == '1' and LOOK_AGAIN or nil
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

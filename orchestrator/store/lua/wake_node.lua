-- flags: allow-oom
-- Fires the timer of a waiting node: a delay completes, an unanswered wait ends as its definition says, every other node is
-- queued again.  WAITING -> QUEUED | COMPLETED | FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 what it waits on, 6 the successor that takes over by its catch when its answer is late, or ''
-- Reply {word, more}  word: ok; early, not due by Redis time; held, the execution is paused: resume sets the timer again;
--       stale (the timer is removed)
-- Event node.queued, node.completed, node.failed
local node_id, attempt, on = ARGV[3], ARGV[4], ARGV[5]
local member = timer_member(on, ARGV[2], node_id, attempt)
local x = open(ARGV[2], {node_id}, {'r|', 'node|'})
local status = x and status_of(x, node_id)
local waiting_on, due_ms, kept
if x then waiting_on, due_ms, kept = fields_of(x, 'waiting_on|' .. node_id, 'due_ms|' .. node_id, 'kept|' .. node_id) end
if not may_leave('node', 'wake_node', status) or state_of(x, node_id).attempt ~= attempt or waiting_on ~= on then
  redis.call('ZREM', timers_key(), member)
  return {'stale', 0}
end
if tonumber(due_ms or 0) > NOW then
  redis.call('ZADD', timers_key(), due_ms, member)
  return {'early', 0}
end
redis.call('ZREM', timers_key(), member)
if x.paused and not x.cancelling then
  hold(x, node_id)
  return {'held', 0}
end
if on == 'delay' and not x.cancelling then
  put_output(x, node_id, kept or 'null')
  redis.call('HDEL', x.runtime, 'waiting_on|' .. node_id, 'due_ms|' .. node_id, 'kept|' .. node_id)
  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, '{}')
elseif (on == 'signal' or on == 'approval') and not x.cancelling then
  end_late(x, node_id, attempt, facts_of(x, node_id), on, ARGV[6])
else
  unlist_wait(x, node_id, attempt, on)
  queue_node(x, node_id, 'WAITING', facts_of(x, node_id), '{"cause":"' .. on .. '"}', on == 'worker')
end
settle(x)
return {'ok', x.more}

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
local x = open(ARGV[2], 'attempt|' .. node_id, 'node|' .. item_of(node_id), 'waiting_on|' .. node_id, 'due_ms|' .. node_id,
  'kept|' .. node_id)
local status = x and status_of(x.id, node_id)
if not x or not may_leave('node', 'wake_node', status) or x.fields[1] ~= attempt or x.fields[3] ~= on then
  redis.call('ZREM', timers_key(), member)
  return {'stale', 0}
end
if tonumber(x.fields[4] or 0) > NOW then
  redis.call('ZADD', timers_key(), x.fields[4], member)
  return {'early', 0}
end
redis.call('ZREM', timers_key(), member)
if x.paused and not x.cancelling then
  hold(x, node_id)
  return {'held', 0}
end
if on == 'delay' and not x.cancelling then
  put_output(x, node_id, x.fields[5] or 'null')
  redis.call('HDEL', x.runtime, 'waiting_on|' .. node_id, 'due_ms|' .. node_id, 'kept|' .. node_id)
  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, '{}')
elseif (on == 'signal' or on == 'approval') and not x.cancelling then
  end_late(x, node_id, attempt, parse_facts(x.fields[2]), on, ARGV[6])
else
  unlist_wait(x, node_id, attempt, on)
  queue_node(x, node_id, 'WAITING', parse_facts(x.fields[2]), '{"cause":"' .. on .. '"}', on == 'worker')
end
settle(x)
return {'ok', x.more}

-- flags: allow-oom
-- Ends an execution whose deadline has passed: every open node is cancelled, running attempts are fenced.  RUNNING -> FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3 generation; 4 error, JSON
-- Reply {word, more}  word: ok; early; stale (the timer is removed)
-- Event execution.failed
local member = timer_member('execution_timeout', ARGV[2], '', ARGV[3])
local x = open(ARGV[2])
if not x or x.generation ~= ARGV[3]
  or not may_leave('execution', 'time_out_execution', redis.call('GET', status_key(x.id))) then
  redis.call('ZREM', timers_key(), member)
  return {'stale', 0}
end
if not x.deadline_ms or x.deadline_ms > NOW then
  if x.deadline_ms then redis.call('ZADD', timers_key(), x.deadline_ms, member) end
  return {'early', 0}
end
redis.call('ZREM', timers_key(), member)
-- A user's cancel that was accepted first keeps its word: the execution ends CANCELLED.
if x.cancelling ~= 'user' then
  x.cancelling = 'timeout'
  set_rare(x, 'cancelling', 'timeout', 'error', ARGV[4])
end
push(x, 'kill 0')
settle(x)
return {'ok', x.more}

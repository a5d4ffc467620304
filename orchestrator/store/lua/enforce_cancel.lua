-- flags: allow-oom
-- Ends the grace of a cancel: attempts that still run are fenced and count as cancelled.
-- KEYS  1 runtime of the execution
-- ARGV  3 generation
-- Reply {word, more}  word: ok; early; stale (the timer is removed)
local member = timer_member('cancel_grace', ARGV[2], '', ARGV[3])
local x = open(ARGV[2])
if not x or x.cancelling ~= 'user' or x.generation ~= ARGV[3]
  or not is_under_way(redis.call('GET', status_key(x.id))) then
  redis.call('ZREM', timers_key(), member)
  return {'stale', 0}
end
local grace_ms = fields_of(x, 'grace_ms')
if tonumber(grace_ms) > NOW then
  redis.call('ZADD', timers_key(), grace_ms, member)
  return {'early', 0}
end
redis.call('ZREM', timers_key(), member)
push(x, 'kill 0')
settle(x)
return {'ok', x.more}

-- flags: allow-oom
-- Counts an execution of a schedule that was started by hand, beside those of its slots.
-- KEYS  1 record of the schedule
-- ARGV  2 execution id
-- Reply word: ok; unknown, there is no such schedule
local last = redis.call('HMGET', KEYS[1], 'schedule_id', 'last_execution_id')
if not last[1] then return 'unknown' end
if last[2] ~= ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'triggered', 1)
  redis.call('HSET', KEYS[1], 'last_execution_id', ARGV[2], 'last_started_ms', NOW_TEXT)
end
return 'ok'

-- flags: allow-oom
-- Continues a saved worklist.
-- KEYS  1 runtime of the execution
-- Reply {word, more}  word: ok; idle, there was none (the timer is removed)
local x = open(ARGV[2])
if not x or not x.is_listed then
  redis.call('ZREM', timers_key(), timer_member('continue', ARGV[2], '', '0'))
  return {'idle', 0}
end
settle(x)
return {'ok', x.more}

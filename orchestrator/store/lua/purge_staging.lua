-- flags: allow-oom
-- Gives up a submission that was never finished; `purge_keys` removes what is left of it.
-- KEYS  1 runtime of the execution
-- ARGV  3 age after which it counts as abandoned, ms
-- Reply {word, more}  word: ok; kept, it is too young or has become visible
local staged_ms = tonumber(redis.call('ZSCORE', rare_key.staging(), ARGV[2]))
if redis.call('EXISTS', status_key(ARGV[2])) == 1 then
  redis.call('ZREM', rare_key.staging(), ARGV[2])
  return {'kept', 0}
end
if redis.call('EXISTS', rare_key.remains(ARGV[2])) == 1 then return {'ok', 1} end
if not staged_ms or staged_ms + ARGV[3] > NOW then return {'kept', 0} end
purge.hide(ARGV[2], '')
return {'ok', 1}

-- flags: allow-oom
-- Removes one slice of a submission that was never finished.
-- KEYS  1 runtime of the execution
-- ARGV  3 age after which it counts as abandoned, ms
-- Reply {word, more}  word: ok; kept, it is too young or has become visible
local staged_ms = tonumber(redis.call('ZSCORE', staging_key(), ARGV[2]))
if redis.call('EXISTS', status_key(ARGV[2])) == 1 then
  redis.call('ZREM', staging_key(), ARGV[2])
  return {'kept', 0}
end
if not staged_ms or staged_ms + ARGV[3] > NOW then return {'kept', 0} end
local chunk = redis.call('HINCRBY', KEYS[1], 'purged', 1) - 1
local line = redis.call('HGET', KEYS[1], 'ids|' .. chunk)
if line then
  for id in string.gmatch(line, '%S+') do redis.call('UNLINK', node_key(ARGV[2], id), output_key(ARGV[2], id)) end
  return {'ok', 1}
end
redis.call('UNLINK', KEYS[1])
redis.call('ZREM', staging_key(), ARGV[2])
return {'ok', 0}

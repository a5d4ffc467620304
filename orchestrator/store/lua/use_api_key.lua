-- flags: allow-oom
-- Takes note of the last minute in which an API key was used.
-- KEYS  1 the key's hash
-- ARGV  2 '', 3 the minute's first millisecond
-- Reply word: ok, unknown
if redis.call('HEXISTS', KEYS[1], 'digest') == 0 then return 'unknown' end
redis.call('HSET', KEYS[1], 'used_ms', ARGV[3])
return 'ok'

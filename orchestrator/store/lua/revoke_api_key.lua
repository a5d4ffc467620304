-- flags: allow-oom
-- Revokes an API key of a tenant: from now on it opens nothing, and neither do the sessions that stand for it.
-- KEYS  1 the key's hash
-- ARGV  2 '', 3 tenant, 4 key id
-- Reply word: ok, unknown
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[3] then return 'unknown' end
redis.call('DEL', KEYS[1])
-- Remembered for a while: the call that made it may come once more.
redis.call('HSET', KEYS[1], 'revoked_ms', NOW_TEXT)
redis.call('PEXPIRE', KEYS[1], 600000)
redis.call('ZREM', rare_key.api_keys(ARGV[3]), ARGV[4])
return 'ok'

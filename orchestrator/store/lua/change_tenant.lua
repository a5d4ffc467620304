-- flags: allow-oom
-- Changes a tenant: its title, or whether its keys open anything.
-- KEYS  1 the tenant's hash
-- ARGV  2 '', 3 id of this call, new for every one; 4 … fields and values in pairs: title, is_active
-- Reply word: ok, also for the same call sent again, which then changes nothing; unknown
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
local calls = redis.call('HGET', KEYS[1], 'calls')
if is_known_call(calls, ARGV[3]) then return 'ok' end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'calls', with_call(calls, ARGV[3]))
return 'ok'

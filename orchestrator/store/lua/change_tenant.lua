-- flags: allow-oom
-- Changes a tenant: its title, or whether its keys open anything.
-- KEYS  1 the tenant's hash
-- ARGV  2 '', 3 … fields and values in pairs: title, is_active
-- Reply word: ok, unknown
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 'ok'

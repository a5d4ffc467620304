-- flags: allow-oom
-- Makes a delivery due at once, whatever became of it, and lets its rhythm begin again.
-- KEYS  1 record of the delivery
-- ARGV  2 '', 3 delivery id, 4 tenant, 5 id of this call, new for every one
-- Reply word: ok, also for the same call sent again, and for one that is being sent just now; unknown, also for another tenant's
local record, id = KEYS[1], ARGV[3]
local values = redis.call('HMGET', record, 'tenant', 'calls', 'state', 'claim', 'due_ms')
if values[1] ~= ARGV[4] then return 'unknown' end
if is_known_call(values[2], ARGV[5]) then return 'ok' end
redis.call('HSET', record, 'calls', with_call(values[2], ARGV[5]))
if values[3] == 'pending' and values[4] ~= '' and tonumber(values[5]) > NOW then return 'ok' end
redis.call('HSET', record, 'state', 'pending', 'tries', '0', 'due_ms', NOW_TEXT, 'claim', '')
redis.call('HDEL', record, 'closed_ms')
redis.call('ZREM', rare_key.deliveries_ended(ARGV[4]), id)
redis.call('ZADD', rare_key.deliveries_due(), NOW_TEXT, id)
return 'ok'

-- flags: allow-oom
-- Claims a delivery that is due, so that no other process makes the same attempt meanwhile.
-- KEYS  1 record of the delivery
-- ARGV  2 '', 3 delivery id, 4 id of this claim, new for every one; 5 lease_ms, after which it is due again; 6 what is sent,
--       unless an earlier claim has fixed that
-- Reply {word, content, tries}  word: ok, also for the same call sent again; early, it is not due or claimed by another; ended;
--       unknown
local record, id = KEYS[1], ARGV[3]
local values = redis.call('HMGET', record, 'state', 'due_ms', 'claim', 'content', 'recorded', 'tries')
if not values[1] then return {'unknown', '', 0} end
if values[3] == ARGV[4] then return {'ok', values[4], tonumber(values[6])} end
if values[1] ~= 'pending' then return {'ended', '', 0} end
if tonumber(values[2]) > NOW or values[5] == ARGV[4] then return {'early', '', 0} end
local due_ms = string.format('%d', NOW + ARGV[5])
redis.call('HSET', record, 'claim', ARGV[4], 'due_ms', due_ms)
if not values[4] then redis.call('HSET', record, 'content', ARGV[6]) end
redis.call('ZADD', rare_key.deliveries_due(), due_ms, id)
return {'ok', values[4] or ARGV[6], tonumber(values[6])}

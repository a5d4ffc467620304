-- flags: allow-oom
-- Records an attempt of a delivery: it has ended, or is tried again.
-- KEYS  1 record of the delivery
-- ARGV  2 '', 3 delivery id, 4 id of the claim; 5 state it comes to: pending, delivered, failed, gone; 6 delay_ms until the next
--       attempt of one that is pending; 7 the attempt, JSON
-- Reply word: ok, also for the same call sent again; stale, its claim has ended meanwhile and another one was made, or it is gone
local record, id, state = KEYS[1], ARGV[3], ARGV[5]
local values = redis.call('HMGET', record, 'claim', 'recorded', 'attempts', 'tries', 'tenant', 'purged')
if values[2] == ARGV[4] then return 'ok' end
if not values[1] or values[1] ~= ARGV[4] then return 'stale' end
local number = string.format('%d', values[3] + 1)
redis.call('HSET', record, 'claim', '', 'recorded', ARGV[4], 'attempts', number, 'tries', string.format('%d', values[4] + 1),
  'state', state, 'attempt|' .. number, ARGV[7])
redis.call('HDEL', record, 'attempt|' .. string.format('%d', number - deliveries.shown))
if state == 'pending' then
  local due_ms = string.format('%d', NOW + ARGV[6])
  redis.call('HSET', record, 'due_ms', due_ms)
  redis.call('ZADD', rare_key.deliveries_due(), due_ms, id)
else
  redis.call('HDEL', record, 'due_ms')
  redis.call('HSET', record, 'closed_ms', NOW_TEXT)
  deliveries.close(id, values[5], values[6] == '1')
end
return 'ok'

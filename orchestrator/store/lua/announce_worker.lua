-- flags: allow-oom
-- Registers a live worker with its handlers, queues and slots, or takes it off the list.
-- KEYS  1 the worker's hash
-- ARGV  2 '', 3 worker id, 4 '1' to leave the list instead; then fields and values in pairs
-- Reply now, ms
if ARGV[4] == '1' then
  redis.call('ZREM', workers_key(), ARGV[3])
  redis.call('DEL', KEYS[1], claims_key(ARGV[3]))
  return NOW
end
redis.call('ZREMRANGEBYSCORE', workers_key(), '-inf', NOW - 3600000)
redis.call('ZADD', workers_key(), NOW, ARGV[3])
redis.call('HSET', KEYS[1], 'beat_ms', NOW, unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], 60000)
return NOW

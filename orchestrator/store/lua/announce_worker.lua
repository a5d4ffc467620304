-- flags: allow-oom
-- Registers a live worker with its handlers, queues and slots, or takes it off the list.
-- KEYS  1 the worker's hash
-- ARGV  2 '', 3 worker id, 4 names of the queues it reads, space separated, 5 when the record was made, by a clock
--       of the worker; then fields and values in pairs, none for a worker that leaves
-- Reply how many live workers read each of the queues, in their order
local counts = {}
if not ARGV[6] then
  redis.call('ZREM', rare_key.workers(), ARGV[3])
  redis.call('DEL', KEYS[1])
  for queue in string.gmatch(ARGV[4], '%S+') do redis.call('ZREM', rare_key.readers(queue), ARGV[3]) end
  return counts
end
redis.call('ZREMRANGEBYSCORE', rare_key.workers(), '-inf', NOW - 3600000)
redis.call('ZADD', rare_key.workers(), NOW, ARGV[3])
-- Two write it, each in its own time: a beat that was made before the handlers were loaded must not hide them.
if tonumber(ARGV[5]) >= tonumber(redis.call('HGET', KEYS[1], 'made') or 0) then
  redis.call('HSET', KEYS[1], 'made', ARGV[5], unpack(ARGV, 6))
end
redis.call('HSET', KEYS[1], 'beat_ms', NOW)
redis.call('PEXPIRE', KEYS[1], 60000)
for queue in string.gmatch(ARGV[4], '%S+') do
  -- Silent for longer than three announcements: gone, or as good as gone.
  redis.call('ZREMRANGEBYSCORE', rare_key.readers(queue), '-inf', NOW - 15000)
  redis.call('ZADD', rare_key.readers(queue), NOW, ARGV[3])
  redis.call('PEXPIRE', rare_key.readers(queue), 60000)
  counts[#counts + 1] = redis.call('ZCARD', rare_key.readers(queue))
end
return counts

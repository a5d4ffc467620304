-- Finish one node of the floor, queue the successors it was the last to hold up, and hand back what the worker does next.
-- KEYS[1] stream   KEYS[2] successors (hash: node -> "B,C")   KEYS[3] missing (hash: node -> unmet dependencies)
-- KEYS[4] outputs (hash)   KEYS[5] statuses (hash)   KEYS[6] summary (hash: left, status)
-- ARGV[1] group   ARGV[2] message id   ARGV[3] execution id   ARGV[4] node id   ARGV[5] output, opaque JSON
-- ARGV[6] consumer   ARGV[7] how many entries the worker takes at most; 0 reads none
-- Replies: the reply of XREADGROUP, or false.
redis.call('HSET', KEYS[4], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[5], ARGV[4], 'COMPLETED')
local successors = redis.call('HGET', KEYS[2], ARGV[4])
if successors then
  for node in string.gmatch(successors, '[^,]+') do
    if redis.call('HINCRBY', KEYS[3], node, -1) == 0 then
      redis.call('XADD', KEYS[1], '*', 'e', ARGV[3], 'n', node)
    end
  end
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
if redis.call('HINCRBY', KEYS[6], 'left', -1) == 0 then
  redis.call('HSET', KEYS[6], 'status', 'COMPLETED')
end
if ARGV[7] == '0' then
  return false
end
return redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[6], 'COUNT', ARGV[7], 'STREAMS', KEYS[1], '>')

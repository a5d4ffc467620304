-- Start an execution of the floor: queue its roots, once.
-- KEYS[1] stream   KEYS[2] summary (hash: left, status, roots "A,B")
-- ARGV[1] execution id
-- Replies: 'missing', 'already' or 'triggered'.
local state = redis.call('HMGET', KEYS[2], 'status', 'roots')
if not state[1] then
  return 'missing'
end
if state[1] ~= 'PENDING' then
  return 'already'
end
redis.call('HSET', KEYS[2], 'status', 'RUNNING')
for node in string.gmatch(state[2], '[^,]+') do
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[1], 'n', node)
end
return 'triggered'

-- flags: allow-oom
-- Renews the leases of one worker's running attempts and replies which of them must stop.
-- KEYS  1 the lease set
-- ARGV  2 '', 3 lease, ms; then five for each attempt: execution id, node id, attempt, nonce, progress of its
--       handler, JSON, or '' when unchanged
-- Reply a word for each: ok; cancel, the attempt must stop; lost, another attempt owns the node or it has ended
local replies = {}
for i = 4, #ARGV, 5 do
  local execution_id, node_id, attempt, nonce = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local values = redis.call('HMGET', runtime_key(execution_id), 'r|' .. node_id, 'cancelling')
  local held = attempt .. ' ' .. nonce .. ' '
  local word = 'lost'
  if values[1] and string.sub(values[1], 1, #held) == held
    and stored_status(execution_id, node_id) == 'RUNNING' then
    redis.call('ZADD', KEYS[1], NOW + ARGV[3], lease_member(execution_id, node_id, attempt))
    if ARGV[i + 4] ~= '' then redis.call('HSET', runtime_key(execution_id), 'beat|' .. node_id, ARGV[i + 4]) end
    word = (values[2] == 'user' or values[2] == 'timeout') and 'cancel' or 'ok'
  end
  replies[#replies + 1] = word
end
return replies

-- flags: allow-oom
-- Takes a task from a worker that does not offer its handler: queued again after 0.1 to 2 s, failed once no live worker
-- has offered the handler for the time allowed. In a paused execution the task is held, and that time starts over.
-- QUEUED -> WAITING | FAILED | PENDING
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 message id, 6 queue, 7 '1' if some live worker offers the handler, 8 time allowed, ms,
--       9 error, JSON, 10 the successor that takes over by its catch, or ''
-- Reply 'ok'; 'stale' when the task is not the current one (it is taken off the stream)
-- Event node.waiting, node.failed
local node_id, attempt = ARGV[3], ARGV[4]
local x = open(ARGV[2], {node_id}, {'r|', 'node|'})
local status = x and status_of(x, node_id)
if not x or not may_leave('node', 'hand_back_node', status) or state_of(x, node_id).attempt ~= attempt then
  drop_message(ARGV[6], ARGV[5])
  return 'stale'
end
local facts = facts_of(x, node_id)
detach(x, node_id, 'QUEUED', facts)
drop_message(ARGV[6], ARGV[5])
if x.paused and not x.cancelling then
  redis.call('HDEL', x.runtime, 'unoffered_ms|' .. node_id)
  hold_node(x, node_id, '{"cause":"unoffered"}')
  return 'ok'
end
local since = tonumber(fields_of(x, 'unoffered_ms|' .. node_id) or '') or NOW
-- A worker offers it, or did when the node last ran: the time it may go unoffered starts over.
if ARGV[7] == '1' or since <= (tonumber(state_of(x, node_id).started_ms) or 0) then since = NOW end
redis.call('HSET', x.runtime, 'unoffered_ms|' .. node_id, since)
if NOW - since >= tonumber(ARGV[8]) then
  settle_failure(x, node_id, attempt, facts, 'error', ARGV[9], false, ARGV[10])
else
  local times = redis.call('HINCRBY', x.runtime, 'handed_back|' .. node_id, 1)
  local delay_ms = math.min(2000, 100 * 2 ^ math.min(times - 1, 5))
  park_node(x, node_id, attempt, 'worker', NOW + delay_ms, 'node.waiting', '{"waiting_on":"worker"}')
end
settle(x)
return 'ok'

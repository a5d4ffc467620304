-- flags: allow-oom
-- Fails a unit that has not ended within its schedule_to_close_timeout, in any open status (PENDING only while held).
-- PENDING, QUEUED, WAITING, RUNNING -> FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 generation in which it was queued first, 5 the successor that takes over by its catch, or ''
-- Reply {word, more}  word: ok; early, not due by Redis time; stale (the timer is removed)
-- Event node.failed
local node_id = ARGV[3]
local x = open(ARGV[2], {node_id}, {'r|', 'node|'})
local status = x and status_of(x, node_id)
local close_text, last
if x then close_text, last = fields_of(x, 'close_ms|' .. node_id, 'error|' .. node_id) end
local close_ms = tonumber(close_text or '')
if not close_ms or not may_leave('node', 'expire_node', status) or x.generation ~= ARGV[4] then
  redis.call('ZREM', timers_key(), timer_member('schedule_to_close', ARGV[2], node_id, ARGV[4]))
  return {'stale', 0}
end
if close_ms > NOW then
  redis.call('ZADD', timers_key(), close_ms, limit_member(x, node_id))
  return {'early', 0}
end
local attempt, facts = state_of(x, node_id).attempt, facts_of(x, node_id)
local what = 'did not end within'
if status == 'WAITING' then
  local on, child_id = fields_of(x, 'waiting_on|' .. node_id, 'child|' .. node_id)
  if on == 'child' and child_id then on = 'child ' .. child_id end
  what = 'still waited (on ' .. (on or '?') .. ') at the end of'
elseif status ~= 'PENDING' then
  what = 'was still ' .. status .. ' at the end of'
end
detach(x, node_id, status, facts)
-- Without a nonce no late result of this attempt can be taken for the current one.
fence(x, node_id)
settle_failure(x, node_id, attempt, facts, 'timeout', limit_error(node_id, attempt, facts, what, last), last, ARGV[5])
leave_child(x, node_id, facts, '"the node that waits for it has run out of time"')
settle(x)
return {'ok', x.more}

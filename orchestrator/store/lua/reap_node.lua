-- flags: allow-oom
-- Takes a running attempt from a worker whose lease expired, or that gives it up as lost: the node is queued at once the first time, after a growing
-- hold from the second time on, and failed once more leases are lost than allowed.  RUNNING -> QUEUED | WAITING | FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 lost leases allowed, 6 error for a lost lease, JSON, 7 error for poison, JSON,
--       8 the successor that takes over from poison by its catch, or '', 9 nonce of the attempt where its own worker
--       gives it up, or ''
-- Reply {word, more}  word: ok; renewed, the lease is alive again; stale (the lease is removed)
-- Event node.queued, node.waiting, node.failed
local node_id, attempt = ARGV[3], ARGV[4]
local member = lease_member(ARGV[2], node_id, attempt)
local deadline_ms = tonumber(redis.call('ZSCORE', leases_key(), member))
if deadline_ms and deadline_ms > NOW and ARGV[9] == '' then return {'renewed', 0} end
local x = open(ARGV[2], {node_id}, {'r|', 'node|'})
local status = x and status_of(x, node_id)
if not x or not may_leave('node', 'reap_node', status) or state_of(x, node_id).attempt ~= attempt then
  redis.call('ZREM', leases_key(), member)
  return {'stale', 0}
end
-- Another attempt has the node by now: only its own worker may give that up.
if ARGV[9] ~= '' and state_of(x, node_id).nonce ~= ARGV[9] then return {'stale', 0} end
local facts, state = facts_of(x, node_id), amend(x, node_id)
detach(x, node_id, 'RUNNING', facts)
fence(x, node_id)
local crashes = state.crashes + 1
state.crashes = string.format('%d', crashes)
-- A lost worker is not the node's fault: the try is not charged.
uncharge(x, node_id)
if crashes > tonumber(ARGV[5]) and not x.cancelling then
  settle_failure(x, node_id, attempt, facts, 'poison', ARGV[7], true, ARGV[8])
elseif crashes == 1 then
  redis.call('HSET', x.runtime, 'error|' .. node_id, ARGV[6])
  queue_node(x, node_id, 'RUNNING', facts, '{"cause":"lease_lost"}')
else
  redis.call('HSET', x.runtime, 'error|' .. node_id, ARGV[6])
  local hold_ms = math.min(60000, 1000 * 2 ^ (crashes - 2))
  park_node(x, node_id, attempt, 'hold', NOW + hold_ms, 'node.waiting', '{"waiting_on":"hold","cause":"lease_lost"}')
end
settle(x)
return {'ok', x.more}

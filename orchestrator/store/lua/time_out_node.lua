-- flags: allow-oom
-- Ends an attempt that ran too long (it is retried while its policy allows) or a task that no worker claimed in time.
-- RUNNING -> WAITING | FAILED, QUEUED -> FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 kind: start_to_close or schedule_to_start, 6 error, JSON, 7 delay of the retry, ms, or '' to fail,
--       8 '1' also lists it in workflows:dead, 9 tries counted by each retry rule, or ''; successors that take over by its catch, or '':
--       10 after this error, 11 if its schedule_to_close_timeout passes before the retry
-- Reply {word, more}  word: ok; early; held, the execution is paused and its resume starts that wait over;
--       stale (the timer is removed)
-- Event node.retrying, node.failed
local node_id, attempt, kind = ARGV[3], ARGV[4], ARGV[5]
local member = timer_member(kind, ARGV[2], node_id, attempt)
local due_ms = tonumber(redis.call('ZSCORE', timers_key(), member))
if due_ms and due_ms > NOW then return {'early', 0} end
local x = open(ARGV[2], {node_id}, {'r|', 'node|'})
local status = x and status_of(x, node_id)
local expected = kind == 'start_to_close' and 'RUNNING' or 'QUEUED'
if not x or not may_leave('node', 'time_out_node', status) or status ~= expected or state_of(x, node_id).attempt ~= attempt then
  redis.call('ZREM', timers_key(), member)
  return {'stale', 0}
end
local facts = facts_of(x, node_id)
redis.call('ZREM', timers_key(), member)
detach(x, node_id, status, facts)
if x.paused and status == 'QUEUED' and not x.cancelling then
  hold_node(x, node_id, '{"cause":"schedule_to_start"}')
  return {'held', 0}
end
-- Without a nonce no late result of this attempt can be taken for the current one.
fence(x, node_id)
if ARGV[7] ~= '' then
  park_retry(x, node_id, attempt, facts, ARGV[7], ARGV[6], ARGV[9], ARGV[11])
else
  settle_failure(x, node_id, attempt, facts, 'timeout', ARGV[6], ARGV[8] == '1', ARGV[10])
end
settle(x)
return {'ok', x.more}

-- Retries an ended execution in place, as a new generation. The nodes to run again are first listed in the key
-- `reset`, in slices; the last slice commits.  FAILED, CANCELLED, COMPLETED -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 generation the list was made for; 4 position of this slice in the list; 5 how many nodes run again, or '' for a slice before
--       the last; 6 'EXECUTION UNIT ATTEMPT' of the unit that asks, or '' for a request from outside; 7 what was chosen, as a hash;
--       8 critical nodes that stay as they failed or were cancelled; 9 ids of the nodes that run again, JSON, or null where they are
--       too many for an event; then worklist items, see store/repair_words.py
-- Reply {word, status, more}  word: ok; listed; already, that generation has been retried; lost, slices listed before have
--       expired, or another choice is being listed; running; unwanted, that attempt has ended or is about to end; taken, its
--       execution key belongs by now to another execution that has not ended, named in place of the status; unknown
-- Event execution.retried
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', '', 0} end
if x.generation ~= ARGV[3] then return {'already', status, 0} end
if not may_leave('execution', 'retry_execution', status) then return {'running', status, 0} end
local parent_id, unit, attempt = string.match(ARGV[6], '^(%S+) (%S+) (%d+)$')
if parent_id then
  local parent = open(parent_id)
  if not parent or state_of(parent, unit).attempt ~= attempt or status_of(parent, unit) ~= 'RUNNING' or is_ending(parent, unit) then
    return {'unwanted', status, 0}
  end
end
local tenant, digest = fields_of(x, 'tenant', 'key_digest')
local key = digest and rare_key.execution_key(tenant or 'default', digest)
local holder = key and redis.call('GET', key)
if holder and holder ~= x.id and is_live(holder) then return {'taken', holder, 0} end
local list, position, choice = rare_key.reset(x.id), tonumber(ARGV[4]), ARGV[7]
-- The choice stands before what is listed. Another one begins the list again: two of them must never be mixed.
if position == 0 and redis.call('LINDEX', list, 0) ~= choice then
  redis.call('UNLINK', list)
  redis.call('RPUSH', list, choice)
end
-- What is listed depends on the ended execution and the choice alone, so a slice that is there already, from this caller or
-- another one, is the same slice.
local is_ours = redis.call('LINDEX', list, 0) == choice
if is_ours and redis.call('LLEN', list) == position + 1 then
  for i = 10, #ARGV do redis.call('RPUSH', list, ARGV[i]) end
end
if ARGV[5] ~= '' and not (is_ours and redis.call('LLEN', list) == position + #ARGV - 8) then return {'lost', status, 0} end
if ARGV[5] == '' then
  redis.call('PEXPIRE', list, 600000)
  return {'listed', status, 0}
end
redis.call('LPOP', list)
-- Where nothing but the output of the whole has failed, nothing is left of the list.
if redis.call('PERSIST', list) == 1 or redis.call('EXISTS', list) == 1 then redis.call('RENAME', list, worklist_key(x.id)) end
x.left, x.failed, x.cancelling, x.is_listed = tonumber(ARGV[5]), tonumber(ARGV[8]), nil, true
x.generation = tostring(x.generation + 1)
set_status(x, 'RUNNING')
redis.call('SADD', active_key(), x.id)
redis.call('ZREM', rare_key.expiring(), x.id)
-- As a start takes it.
if key then redis.call('SET', key, x.id) end
set_rare(x, 'generation', x.generation, 'cancelling', '', 'worklist', '1')
-- The requests that cancelled it are remembered: sent again, late, they must not cancel the new generation.
redis.call('HDEL', x.runtime, 'ended_ms', 'error', 'cancel_reason', 'grace_ms')
forget_output(x)
set_deadline(x)
record(x, 'execution.retried', '', '', '{"nodes":' .. ARGV[9] .. '}')
settle(x)
return {'ok', 'RUNNING', x.more}

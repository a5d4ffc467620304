-- flags: allow-oom
-- Parks a node until a signal or a decision arrives or its time limit passes. If the signal has arrived before, the
-- node is queued again at once, and a worker checks the signal.  RUNNING -> WAITING | QUEUED | FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 waiting on: signal or approval; 15 name of the signal, or hash of what is shown;
--       16 what is asked, JSON; 17 time limit, ms, or ''; 18 the effect of it: fail or complete; 19 its error or output, JSON;
--       20 quorum of an approval; 21 branch targets not taken when the answer comes, 22 when it does not;
--       23 error, JSON, for one node too many waiting for the name, 24 the successor that takes over by its catch then, or ''
-- Event node.waiting, node.queued, node.failed
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id, attempt, on, awaits = ARGV[3], ARGV[4], ARGV[14], ARGV[15]
local line = on == 'signal' and redis.call('HGET', signals_key(x.id), 'waits|' .. awaits)
local _, waiting = string.gsub(line or '', ' ', '')
redis.call('HDEL', x.runtime, 'votes|' .. node_id, 'voters|' .. node_id, 'given|' .. node_id,
  'resume|' .. node_id)
if is_ending(x, node_id) then
  end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
elseif waiting >= MOST_WAITING then
  settle_failure(x, node_id, attempt, facts, 'error', ARGV[23], false, ARGV[24])
elseif on == 'signal' and take_kept(x, node_id, 'RUNNING', facts, awaits) then
  -- Nothing was tried: the signal was there before anyone looked.
  uncharge(x, node_id)
else
  local data = on == 'signal' and '{"waiting_on":"signal","signal":"' .. awaits .. '"' or '{"waiting_on":"approval"'
  redis.call('HSET', x.runtime, 'waiting_on|' .. node_id, on, 'awaits|' .. node_id, awaits, 'ask|' .. node_id, ARGV[16],
    'late|' .. node_id, ARGV[18], 'kept|' .. node_id, ARGV[19], 'quorum|' .. node_id, ARGV[20],
    'unless_late|' .. node_id, ARGV[21], 'if_late|' .. node_id, ARGV[22])
  if ARGV[17] ~= '' then
    local due_ms = string.format('%d', NOW + ARGV[17])
    redis.call('HSET', x.runtime, 'due_ms|' .. node_id, due_ms)
    redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, node_id, attempt))
    data = data .. ',"due_ms":' .. due_ms
  end
  move(x, node_id, 'WAITING')
  list_wait(x, node_id, attempt, on, awaits)
  record(x, 'node.waiting', node_id, attempt, data .. '}')
end
settle(x)
return answer('ok', x.more)

-- flags: allow-oom
-- Applies a repair plan, unless the execution has changed since the plan was made.
-- KEYS  1 runtime of the execution
-- ARGV  3 event number the plan was made at; then one argument for each repair, see store/repair_words.py
-- Reply {word, more}  word: ok; moved, the execution has changed; unknown
-- Event node.queued and what follows from the repairs
local x = open(ARGV[2])
if not x then return {'unknown', 0} end
if tostring(x.seq) ~= ARGV[3] or not may_leave('execution', 'cancel_execution', redis.call('GET', status_key(x.id))) then
  return {'moved', 0}
end
local repairs = {}
-- It is settled once, at the end: a child that ends with the unit that waited for it must not do so before.
x.is_settling = true

function repairs.recount(rest)
  local id, ok, bad, skip, gates, not_taken = string.match(rest, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d)$')
  set_counters(x, id, ok, bad, skip, gates, not_taken)
end

function repairs.left(rest)
  local left, failed = string.match(rest, '^(%d+) (%d+)$')
  x.left, x.failed = tonumber(left), tonumber(failed)
end

function repairs.queue(id) decide(x, id) end

repairs.skip = function(rest) decide(x, string.match(rest, '^(%S+)')) end

function repairs.cancel(id)
  local status = status_of(x, id)
  if may_leave('node', 'cancel_node', status) then cancel_node(x, id, status) end
end

function repairs.requeue(rest)
  local id, attempt = string.match(rest, '^(%S+) (%d+)$')
  if may_leave('node', 'repair_execution', status_of(x, id)) and state_of(x, id).attempt == attempt then
    local facts = facts_of(x, id)
    detach(x, id, 'QUEUED', facts)
    queue_node(x, id, 'QUEUED', facts, '{"cause":"repair"}', true)
  end
end

function repairs.relet(rest)
  local id, attempt = string.match(rest, '^(%S+) (%d+)$')
  -- Due at once: the lease loop takes it from there, with the same rules as for any lost lease.
  redis.call('ZADD', leases_key(), 'NX', 0, lease_member(x.id, id, attempt))
end

function repairs.retime(rest)
  local id, attempt, kind, due_ms = string.match(rest, '^(%S+) (%d+) (%S+) (%d+)$')
  if kind == 'schedule_to_close' then
    redis.call('HSETNX', x.runtime, 'close_ms|' .. id, due_ms)
    redis.call('ZADD', timers_key(), 'NX', due_ms, limit_member(x, id))
    return
  end
  -- Another repair of the same plan may have begun a new attempt, with a timer of its own.
  if state_of(x, id).attempt ~= attempt then return end
  -- What it waits on may be lost as well, and without it the timer would fire in vain.
  if status_of(x, id) == 'WAITING' then
    redis.call('HSETNX', x.runtime, 'waiting_on|' .. id, kind)
    redis.call('HSETNX', x.runtime, 'due_ms|' .. id, due_ms)
  end
  redis.call('ZADD', timers_key(), 'NX', due_ms, timer_member(kind, x.id, id, attempt))
end

-- Lists a node that waits for a signal or an approval again, so that the answer finds it; a signal that came meanwhile was kept.
function repairs.relist(rest)
  local id, attempt = string.match(rest, '^(%S+) (%d+)$')
  local on, awaits = fields_of(x, 'waiting_on|' .. id, 'awaits|' .. id)
  if status_of(x, id) ~= 'WAITING' or state_of(x, id).attempt ~= attempt then return end
  local is_signal = on == 'signal'
  if not awaits then
    -- Whose answer it waits for is lost: it runs again, and that is not another try.
    detach(x, id, 'WAITING')
    uncharge(x, id)
    return queue_node(x, id, 'WAITING', facts_of(x, id), '{"cause":"repair"}')
  end
  if is_signal and not x.cancelling and redis.call('HEXISTS', signals_key(x.id), 'queue|' .. awaits) == 1 then
    detach(x, id, 'WAITING')
    take_kept(x, id, 'WAITING', facts_of(x, id), awaits)
  else
    list_wait(x, id, attempt, on, awaits)
  end
end

-- Queues a parked unit that has letters.
function repairs.letter(id)
  local last, taken = inbox.numbers(x, id)
  local on = redis.call('HGET', x.runtime, 'waiting_on|' .. id)
  if last > taken and on == 'inbox' and status_of(x, id) == 'WAITING' then inbox.wake(x, id, taken + 1) end
end

-- Corrects the counts of a mapped node; its turn then starts or ends what ought to be.
function repairs.items(rest)
  local id, live, completed, failed, skipped = string.match(rest, '^(%S+) (%d+) (%d+) (%d+) (%d+)$')
  redis.call('HSET', items_key(x.id, id), 'live', live, 'COMPLETED', completed, 'FAILED', failed, 'SKIPPED', skipped)
  redis.call('HSETNX', x.runtime, 'waiting_on|' .. id, 'map')
  push(x, 'items ' .. id)
end

-- A unit waits for a child whose end did not wake it, or that is no more.
function repairs.child(id)
  local on, child_id, resume = fields_of(x, 'waiting_on|' .. id, 'child|' .. id, 'resume|' .. id)
  if not may_leave('node', 'wake_parent', status_of(x, id)) or (on and on ~= 'child') then return end
  child_id = child_id or 'unknown'
  if is_live(child_id) then
    redis.call('HSET', x.runtime, 'waiting_on|' .. id, 'child')
  else
    local status = redis.call('GET', status_key(child_id)) or nil
    wake_parent(x, id, child_id, status or 'unknown', facts_of(x, id), status and resume or LOOK_AGAIN)
  end
end

-- Puts a unit of a paused execution on the held list, where it ought to be.
function repairs.hold(id)
  local status = status_of(x, id)
  if not x.paused or (status ~= 'PENDING' and status ~= 'WAITING') then return end
  redis.call('HSET', x.runtime, 'held|' .. id, x.paused)
  if not redis.call('LPOS', held_units_key(x.id), id) then redis.call('RPUSH', held_units_key(x.id), id) end
end

-- Goes on with a unit that a resume has lost.
function repairs.release(id)
  if x.paused or x.cancelling then return end
  release_unit(x, id, facts_of(x, id), fields_of(x, 'waiting_on|' .. id, 'due_ms|' .. id))
end

function repairs.timer(rest)
  local kind, due_ms = string.match(rest, '^(%S+) (%d+)$')
  redis.call('ZADD', timers_key(), 'NX', due_ms,
    timer_member(kind, x.id, '', kind == 'continue' and '0' or x.generation))
end

function repairs.activate() redis.call('SADD', active_key(), x.id) end

function repairs.drain()
  -- The list itself is the truth, should the flag have been lost.
  x.is_listed = redis.call('EXISTS', worklist_key(x.id)) == 1
end

function repairs.finish() end

for i = 4, #ARGV do
  local word, rest = string.match(ARGV[i], '^(%S+) ?(.*)$')
  repairs[word](rest)
  redis.call('HINCRBY', rare_key.repairs(), word, 1)
end
settle(x)
return {'ok', x.more}

-- nodes: what may happen to one unit in any verb: it ends, is queued, parks, is cancelled or fails. What follows for others comes
-- through the worklist of its execution, see settle.lua.

-- Turns that other parts take, by their first word: function(x, rest) -> nodes touched. The rest is in children.lua;
-- whether the output of the whole has still to be rendered, in output.lua; what takes away items and child of a node, in items.lua.
local TURNS, notify_parent, asks_child, must_close, has_output_left, must_unmake = {}, nil, nil, nil, nil, nil

-- item: as it is saved, in words; or these, each by itself, of the end of a node.
local function push(x, item)
  x.tail = x.tail + 1
  x.work[x.tail] = item
end

-- Puts a turn before all others, those of later calls too. Between it and what it precedes nothing else happens.
local function push_first(x, item)
  redis.call('LPUSH', worklist_key(x.id), item)
  x.is_listed = true
end

-- Ends a node: status, reason, event, count; its successors' turn comes through the worklist.
-- Expects the caller to have checked the status being left.
-- outcome: what the end counts as, where that does not follow from status and reason.
local function end_node(x, node_id, status, reason, event, attempt, data, outcome)
  move(x, node_id, status)
  if reason ~= '' then note(x, 'reason|' .. node_id, reason) end
  amend(x, node_id).ended_ms = NOW_TEXT
  record(x, event, node_id, attempt, data)
  if x.features then stop_limit(x, node_id) end
  local node, index = item_of(node_id)
  if index then
    redis.call('HINCRBY', items_key(x.id, node), 'live', -1)
    if status ~= 'CANCELLED' then redis.call('HINCRBY', items_key(x.id, node), status, 1) end
    push(x, 'items ' .. node)
    return
  end
  x.left = x.left - 1
  if status ~= 'CANCELLED' then push(x, {outcome or outcome_of(status, reason), node_id, 0}) end
end

local function quoted(word)
  return '{"reason":"' .. word .. '"}'
end

-- Takes away whatever keeps a node alive: its message while QUEUED, its timer while WAITING, its lease while RUNNING.
local function detach(x, node_id, status, facts)
  local state = state_of(x, node_id)
  local attempt = state.attempt
  if status == 'QUEUED' then
    local task = state.task
    if task and task.is_kept then
      task.is_kept = false
    else
      drop_message(facts.queue, state.message_id)
    end
    if facts.schedule_to_start_ms > 0 then
      redis.call('ZREM', timers_key(), timer_member('schedule_to_start', x.id, node_id, attempt))
    end
  elseif status == 'WAITING' then
    local on = redis.call('HGET', x.runtime, 'waiting_on|' .. node_id)
    if on and on ~= 'map' and on ~= 'child' then redis.call('ZREM', timers_key(), timer_member(on, x.id, node_id, attempt)) end
    unlist_wait(x, node_id, attempt, on)
    redis.call('HDEL', x.runtime, 'waiting_on|' .. node_id, 'due_ms|' .. node_id)
  elseif status == 'RUNNING' then
    free_lease(lease_member(x.id, node_id, attempt))
    budget.write_off_attempt(x, node_id)
    drop_message(facts.queue, state.message_id)
    if facts.start_to_close_ms > 0 then
      redis.call('ZREM', timers_key(), timer_member('start_to_close', x.id, node_id, attempt))
    end
  end
end

-- Raises the attempt of what was running, so that its worker's late result is fenced. A mapped node ends after its
-- items, a node that waits for a child after that; is_kill ends what runs as well.
local function cancel_node(x, node_id, status, is_kill)
  local state, facts = state_of(x, node_id), facts_of(x, node_id)
  local attempt = state.attempt
  if facts.map and status == 'WAITING' and is_on_items(x, node_id) then
    redis.call('HSET', items_key(x.id, node_id), 'halted', '1')
    push(x, 'halt ' .. node_id .. (is_kill and ' kill 0' or ' cancel 0'))
    return
  end
  if facts.child and status == 'WAITING' and asks_child(x, node_id, facts, is_kill) then return end
  detach(x, node_id, status, facts)
  if status == 'RUNNING' then fence(x, node_id, true) end
  end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
end

-- Puts the task of a queued unit onto its stream.
local function post(x, unit, facts, is_waiting_on)
  local state = amend(x, unit)
  local attempt = state.attempt
  state.message_id = redis.call('XADD', tasks_key(facts.queue), '*', 'execution_id', x.id, 'node_id', unit,
    'handler', facts.handler, 'attempt', attempt)
  if facts.schedule_to_start_ms > 0 then
    -- A task that no worker has taken yet keeps its time, however often it was handed back or written again.
    local since = is_waiting_on and redis.call('HGET', x.runtime, 'since_ms|' .. unit) or NOW
    redis.call('HSET', x.runtime, 'since_ms|' .. unit, since)
    redis.call('ZADD', timers_key(), since + facts.schedule_to_start_ms,
      timer_member('schedule_to_start', x.id, unit, attempt))
  end
end

-- Queues a unit that is ready: a new attempt number and a task. Once it is ending nothing is queued, and while the execution
-- is paused it is held. A unit that is PENDING has not begun: its caller has checked that its map still starts items.
-- is_waiting_on: it goes on waiting for the same worker, rather than for the first time.
-- is_successor: it follows directly from an end in this call, and may be handed to the worker that made the call.
local function queue_node(x, node_id, status, facts, data, is_waiting_on, is_successor)
  if status == 'WAITING' then redis.call('HDEL', x.runtime, 'waiting_on|' .. node_id, 'due_ms|' .. node_id) end
  if x.cancelling or (status ~= 'PENDING' and is_ending(x, node_id)) then
    end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', state_of(x, node_id).attempt, quoted('cancelled'))
    return
  end
  if x.paused then return hold_node(x, node_id, data) end
  local state = amend(x, node_id)
  state.attempt, state.queued_ms = string.format('%d', state.attempt + 1), NOW_TEXT
  move(x, node_id, 'QUEUED')
  if facts.close then start_limit(x, node_id, facts) end
  record(x, 'node.queued', node_id, state.attempt, data)
  if READY and is_successor then
    local task = {x = x, unit = node_id, facts = facts, is_kept = true}
    READY[#READY + 1] = task
    state.task = task
  else
    post(x, node_id, facts, is_waiting_on)
  end
end

-- Parks a unit until due_ms; a timer of the same kind wakes it. Nothing that is ending is parked.
local function park_node(x, node_id, attempt, on, due_ms, event, data)
  if is_ending(x, node_id) then
    end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
    return
  end
  move(x, node_id, 'WAITING')
  redis.call('HSET', x.runtime, 'waiting_on|' .. node_id, on, 'due_ms|' .. node_id, due_ms)
  redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, node_id, attempt))
  record(x, event, node_id, attempt, data)
end

local settle_failure

do

-- Whether a node's catch names that successor. Which of them takes over is decided where the error is made, by the patterns
-- of the definition: no script matches a pattern that somebody else has written.
local function is_taker(facts, taker)
  return taker and taker ~= '' and facts.catch and string.find(facts.catch .. ',', '>' .. taker .. ',', 1, true) ~= nil
end

-- Whether the failures of a map, up to this one of an item, are no more than may fail.
local function is_tolerated(x, item)
  local counts = redis.call('HMGET', items_key(x.id, (item_of(item))), 'FAILED', 'tolerated')
  return tonumber(counts[1] or 0) <= tonumber(counts[2] or 0)
end

-- Fails a node for good. error is JSON, opaque. With fail_fast the first critical failure cancels what has not started.
-- A failure is handled when a successor takes over or the node is to go on: it fails nothing else, and its error is its
-- output. Where the policy or the budget asks for an operator the node does not fail at all: it waits, and the execution is paused.
-- taker: the successor that takes over by the catch of the node, '' for none.
function settle_failure(x, node_id, attempt, facts, reason, error, is_dead, taker)
  redis.call('HSET', x.runtime, 'error|' .. node_id, error)
  local is_item = string.find(node_id, '[', 1, true)
  taker = not is_item and is_taker(facts, taker) and taker
  local why = not taker and not is_ending(x, node_id) and reason ~= 'operator' and why_ask(x, node_id, facts, error)
  if why then return ask_operator(x, node_id, attempt, error, why) end
  local failure = '{"error":' .. error .. '}'
  local is_handled = taker or (facts.goes_on and not is_item)
  if is_handled then
    if taker then redis.call('HSET', x.runtime, 'caught|' .. node_id, taker) end
    put_output(x, node_id, failure)
  elseif facts.is_critical and not is_item then
    x.failed = x.failed + 1
    if x.fail_fast and not x.cancelling then
      x.cancelling = 'fail_fast'
      set_rare(x, 'cancelling', 'fail_fast')
      push(x, 'cancel 0')
    end
  end
  end_node(x, node_id, 'FAILED', reason, 'node.failed', attempt, failure, is_handled and not taker and 'ok' or nil)
  -- An item that its map may lose is no more dead than a node whose failure was handled. Its end has been counted above.
  if is_dead and is_item and is_tolerated(x, node_id) then is_handled = true end
  if is_dead and (reason == 'poison' or not is_handled) then
    local entry = redis.call('XADD', rare_key.dead(tenant_of(x)), 'MAXLEN', '~', 10000, '*', 'execution_id', x.id, 'node_id', node_id,
      'attempt', attempt, 'reason', reason, 'error', error, 'ts_ms', NOW)
    redis.call('HSET', x.runtime, 'dead|' .. node_id, entry)
  end
end

end

-- Takes a unit that runs again off the list of the dead.
local function revive(x, unit)
  local entry = redis.call('HGET', x.runtime, 'dead|' .. unit)
  if not entry then return end
  redis.call('XDEL', rare_key.dead(tenant_of(x)), entry)
  redis.call('HDEL', x.runtime, 'dead|' .. unit)
end

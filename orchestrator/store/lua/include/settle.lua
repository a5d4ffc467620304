-- settle: what follows from a node's end. Counters of direct successors, trigger rules, skips that cascade,
-- cancellation of what has not started, and the end of the execution: an explicit worklist, never recursion
-- (Lua's stack ends between 15,000 and 20,000). One call touches about BUDGET nodes; the rest is saved.
-- Lists of nodes are stored in chunks of CHUNK ids, a full one means that another follows.
--
-- Worklist items, in words:  "ok|bad|skip NODE CHUNK"  count the end of NODE at the successors in that chunk
--                            "start CHUNK"             decide the nodes listed as starting points
--                            "cancel CHUNK"            cancel what has not started
--                            "kill CHUNK"              cancel whatever has not ended
--                            "close FROM"              ask children to end, from that place in their list on
--                            "reset NODE …", "decide NODE"   a retry's two passes, see store/repair_words.py

local BUDGET = 250

-- Turns that other parts take, by their first word: function(x, rest) -> nodes touched. The rest is in children.lua, and
-- whether the output of the whole has still to be rendered in output.lua.
local TURNS, notify_parent, asks_child, must_close, has_output_left = {}, nil, nil, nil, nil

local function push(x, item)
  x.tail = x.tail + 1
  x.work[x.tail] = item
end

-- Ends a node: status, reason, event, count; its successors' turn comes through the worklist.
-- Expects the caller to have checked the status being left.
-- outcome: what the end counts as, where that does not follow from status and reason.
local function end_node(x, node_id, status, reason, event, attempt, data, outcome)
  move(x, node_id, status)
  if reason ~= '' then note(x, 'reason|' .. node_id, reason) end
  note(x, 'ended_ms|' .. node_id, NOW_TEXT)
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
  if status ~= 'CANCELLED' then push(x, (outcome or outcome_of(status, reason)) .. ' ' .. node_id .. ' 0') end
end

local function quoted(word)
  return '{"reason":"' .. word .. '"}'
end

-- Takes away whatever keeps a node alive: its message while QUEUED, its timer while WAITING, its lease while RUNNING.
local function detach(x, node_id, status, attempt, facts)
  flush(x)
  if status == 'QUEUED' then
    local task = x.tasks and x.tasks[node_id]
    if task and task.is_kept then
      task.is_kept = false
    else
      drop_message(facts.queue, redis.call('HGET', x.runtime, 'message|' .. node_id))
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
    write_off_attempt(x, node_id)
    drop_message(facts.queue, redis.call('HGET', x.runtime, 'message|' .. node_id))
    if facts.start_to_close_ms > 0 then
      redis.call('ZREM', timers_key(), timer_member('start_to_close', x.id, node_id, attempt))
    end
  end
end

-- Raises the attempt of what was running, so that its worker's late result is fenced. A mapped node ends after its
-- items, a node that waits for a child after that; is_kill ends what runs as well.
local function cancel_node(x, node_id, status, is_kill)
  local values = redis.call('HMGET', x.runtime, 'attempt|' .. node_id, 'node|' .. item_of(node_id))
  local attempt = values[1] or '0'
  local facts = parse_facts(values[2])
  if facts.map and status == 'WAITING' and is_on_items(x, node_id) then
    redis.call('HSET', items_key(x.id, node_id), 'halted', '1')
    push(x, 'halt ' .. node_id .. (is_kill and ' kill 0' or ' cancel 0'))
    return
  end
  if facts.child and status == 'WAITING' and asks_child(x, node_id, facts, is_kill) then return end
  detach(x, node_id, status, attempt, facts)
  if status == 'RUNNING' then
    redis.call('HSET', x.runtime, 'attempt|' .. node_id, attempt + 1, 'nonce|' .. node_id, '')
  end
  end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
end

-- Puts the task of a queued unit onto its stream.
local function post(x, unit, attempt, facts, is_waiting_on)
  local message_id = redis.call('XADD', tasks_key(facts.queue), '*', 'execution_id', x.id, 'node_id', unit,
    'handler', facts.handler, 'attempt', attempt)
  note(x, 'message|' .. unit, message_id)
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
    end_node(x, node_id, 'CANCELLED', 'cancelled', 'node.cancelled',
      redis.call('HGET', x.runtime, 'attempt|' .. node_id) or '0', quoted('cancelled'))
    return
  end
  if x.paused then return hold_node(x, node_id, data) end
  local attempt = redis.call('HINCRBY', x.runtime, 'attempt|' .. node_id, 1)
  move(x, node_id, 'QUEUED')
  if facts.close then start_limit(x, node_id, facts) end
  note(x, 'queued_ms|' .. node_id, NOW_TEXT)
  record(x, 'node.queued', node_id, attempt, data)
  if READY and is_successor then
    local task = {x = x, unit = node_id, attempt = attempt, facts = facts, is_kept = true}
    READY[#READY + 1] = task
    x.tasks = x.tasks or {}
    x.tasks[node_id] = task
  else
    post(x, node_id, attempt, facts, is_waiting_on)
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

-- Whether a node's catch names that successor. Which of them takes over is decided where the error is made, by the patterns
-- of the definition: no script matches a pattern that somebody else has written.
local function is_taker(facts, taker)
  return taker and taker ~= '' and facts.catch and string.find(facts.catch .. ',', '>' .. taker .. ',', 1, true) ~= nil
end

-- Fails a node for good. error is JSON, opaque. With fail_fast the first critical failure cancels what has not started.
-- A failure is handled when a successor takes over or the node is to go on: it fails nothing else, and its error is its
-- output. Where the policy or the budget asks for an operator the node does not fail at all: it waits, and the execution is paused.
-- taker: the successor that takes over by the catch of the node, '' for none.
local function settle_failure(x, node_id, attempt, facts, reason, error, is_dead, taker)
  redis.call('HSET', x.runtime, 'error|' .. node_id, error)
  local is_item = string.find(node_id, '[', 1, true)
  taker = not is_item and is_taker(facts, taker) and taker
  local why = not taker and not is_ending(x, node_id) and reason ~= 'operator' and why_ask(x, node_id, facts, error)
  if why then return ask_operator(x, node_id, attempt, error, why) end
  local is_handled = taker or (facts.goes_on and not is_item)
  if is_handled then
    if taker then redis.call('HSET', x.runtime, 'caught|' .. node_id, taker) end
    write(output_key(x.id, node_id), '{"error":' .. error .. '}')
  elseif facts.is_critical and not is_item then
    x.failed = x.failed + 1
    if x.fail_fast and not x.cancelling then
      x.cancelling = 'fail_fast'
      redis.call('HSET', x.runtime, 'cancelling', 'fail_fast')
      push(x, 'cancel 0')
    end
  end
  end_node(x, node_id, 'FAILED', reason, 'node.failed', attempt, error, is_handled and not taker and 'ok' or nil)
  if is_dead and (reason == 'poison' or not is_handled) then
    local entry = redis.call('XADD', dead_key(), 'MAXLEN', '~', 10000, '*', 'execution_id', x.id, 'node_id', node_id,
      'attempt', attempt, 'reason', reason, 'error', error, 'ts_ms', NOW)
    redis.call('HSET', x.runtime, 'dead|' .. node_id, entry)
  end
end

-- Takes a unit that runs again off the list of the dead.
local function revive(x, unit)
  local entry = redis.call('HGET', x.runtime, 'dead|' .. unit)
  if not entry then return end
  redis.call('XDEL', dead_key(), entry)
  redis.call('HDEL', x.runtime, 'dead|' .. unit)
end

-- Looks at one PENDING node: runs it, passes it over, or lets it wait. A node that has left PENDING is past deciding, and so
-- is one that is held.
local function decide(x, node_id, is_successor)
  if read(node_key(x.id, node_id)) ~= 'PENDING' then return end
  local values = redis.call('HMGET', x.runtime, 'node|' .. node_id, 'ok|' .. node_id, 'bad|' .. node_id,
    'skip|' .. node_id, 'gates|' .. node_id, 'not_taken|' .. node_id, 'held|' .. node_id)
  local facts = parse_facts(values[1])
  if x.cancelling then return cancel_node(x, node_id, 'PENDING') end
  if x.paused and values[7] == x.paused then return end
  local verdict
  if facts.total == 0 then
    verdict = 'run'
  elseif facts.gates > tonumber(values[5] or 0) then
    -- A condition that names this node is not done: were a rule to decide now, the result would depend on
    -- which dependency ended first.
    return
  elseif values[6] == '1' then
    verdict = 'branch_not_taken'
  else
    local ok, bad, skip = tonumber(values[2] or 0), tonumber(values[3] or 0), tonumber(values[4] or 0)
    verdict = RULES[facts.rule](ok, bad, skip, ok + bad + skip, facts.total)
  end
  if verdict == 'run' then
    queue_node(x, node_id, 'PENDING', facts, '{}', false, is_successor)
  elseif verdict then
    end_node(x, node_id, 'SKIPPED', verdict, 'node.skipped', 0, quoted(verdict))
  end
end

-- Counts the end of a node at one chunk of its successors. A successor marked * is named in a branch of it, one marked !
-- takes over when it fails.
local function count_at_successors(x, outcome, node_id, chunk)
  local line = redis.call('HGET', x.runtime, 'next|' .. node_id .. '|' .. chunk)
  if not line then return 0 end
  local not_taken, taker = {}, nil
  if string.find(line, '!', 1, true) then taker = redis.call('HGET', x.runtime, 'caught|' .. node_id) end
  if string.find(line, '*', 1, true) then
    for id in string.gmatch(redis.call('HGET', x.runtime, 'rejects|' .. node_id) or '', '%S+') do
      not_taken[id] = true
    end
  end
  local count = 0
  for id, mark in string.gmatch(line, '([^%s*!]+)([*!]?)') do
    redis.call('HINCRBY', x.runtime, (id == taker and 'ok' or outcome) .. '|' .. id, 1)
    if mark ~= '' then
      redis.call('HINCRBY', x.runtime, 'gates|' .. id, 1)
      if not_taken[id] or (mark == '!' and outcome == 'ok') then redis.call('HSET', x.runtime, 'not_taken|' .. id, '1') end
    end
    decide(x, id, true)
    count = count + 1
  end
  if count >= CHUNK then push(x, outcome .. ' ' .. node_id .. ' ' .. (chunk + 1)) end
  return count
end

local function each_in_chunk(x, field, visit)
  local line = redis.call('HGET', x.runtime, field)
  if not line then return nil end
  local count = 0
  for id in string.gmatch(line, '%S+') do
    visit(id)
    count = count + 1
  end
  return count
end

local function take_turn(x, item)
  local word, rest = string.match(item, '^(%S+) (.+)$')
  if TURNS[word] then return TURNS[word](x, rest) end
  if word == 'start' then
    local count = each_in_chunk(x, 'start|' .. rest, function(id) decide(x, id) end)
    if count and count >= CHUNK then push(x, 'start ' .. (rest + 1)) end
    return count or 0
  elseif word == 'cancel' or word == 'kill' then
    local count = each_in_chunk(x, 'ids|' .. rest, function(id)
      local status = read(node_key(x.id, id))
      if may_leave('node', 'cancel_node', status) and (word == 'kill' or status ~= 'RUNNING') then
        cancel_node(x, id, status, word == 'kill')
      end
    end)
    if count and count >= CHUNK then push(x, word .. ' ' .. (rest + 1)) end
    return count or 0
  elseif word == 'decide' then
    decide(x, rest)
    return 1
  elseif word == 'reset' then
    local id, ok, bad, skip, gates, not_taken = string.match(rest, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d)$')
    flush(x)
    move(x, id, 'PENDING')
    erase(output_key(x.id, id))
    revive(x, id)
    redis.call('HSET', x.runtime, 'ok|' .. id, ok, 'bad|' .. id, bad, 'skip|' .. id, skip, 'gates|' .. id, gates,
      'not_taken|' .. id, not_taken)
    redis.call('HDEL', x.runtime, 'reason|' .. id, 'error|' .. id, 'ended_ms|' .. id, 'started_ms|' .. id,
      'finished|' .. id, 'rejects|' .. id, 'caught|' .. id, 'waiting_on|' .. id, 'due_ms|' .. id)
    start_over(x, id, parse_facts(redis.call('HGET', x.runtime, 'node|' .. id)))
    return 1
  end
  local node_id, chunk = string.match(rest, '^(%S+) (%d+)$')
  return count_at_successors(x, word, node_id, tonumber(chunk))
end

local function finish(x)
  local status, event, cause = end_of(x.cancelling, x.failed)
  redis.call('SET', status_key(x.id), status)
  redis.call('SREM', active_key(), x.id)
  if x.paused then end_pause(x) end
  note(x, 'ended_ms', NOW)
  if x.deadline_ms then redis.call('ZREM', timers_key(), timer_member('execution_timeout', x.id, '', x.generation)) end
  if x.cancelling then redis.call('ZREM', timers_key(), timer_member('cancel_grace', x.id, '', x.generation)) end
  record(x, event, '', '', quoted(cause))
  if x.parent then notify_parent(x, status) end
end

-- Works through the list until it is empty or the budget is spent, and ends the execution when nothing is left.
-- x.more tells the caller to come back at once; the timer does so if the caller dies.
local function settle(x)
  x.is_settling = true
  while SPENT < BUDGET do
    local item
    if x.head <= x.tail then
      item = x.work[x.head]
      x.head = x.head + 1
    elseif x.is_listed then
      item = redis.call('LPOP', worklist_key(x.id))
    end
    if not item then break end
    local touched = take_turn(x, item)
    SPENT = SPENT + 1 + touched
  end
  x.is_settling = false
  local was_listed = x.is_listed
  for i = x.head, x.tail do redis.call('RPUSH', worklist_key(x.id), x.work[i]) end
  local is_saved = x.head <= x.tail
  x.work, x.head, x.tail = {}, 1, 0
  if was_listed or is_saved then
    x.is_listed = redis.call('LLEN', worklist_key(x.id)) > 0
    redis.call('HSET', x.runtime, 'worklist', x.is_listed and '1' or '0')
    local member = timer_member('continue', x.id, '', '0')
    if x.is_listed then redis.call('ZADD', timers_key(), NOW, member) else redis.call('ZREM', timers_key(), member) end
  end
  x.more = x.is_listed and 1 or 0
  x.is_changed = true
  if x.left ~= 0 or x.is_listed or has_output_left(x) then return end
  if must_close(x) then
    push(x, 'close 0')
    return settle(x)
  end
  finish(x)
end

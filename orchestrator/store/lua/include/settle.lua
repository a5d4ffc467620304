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
--                            "reset NODE …", "renew NODE …", "decide NODE"   a retry's two passes, see store/repair_words.py

-- Looks at one PENDING node: runs it, passes it over, or lets it wait. A node that has left PENDING is past deciding, and so
-- is one that is held.
local function decide(x, node_id, is_successor)
  if status_of(x, node_id) ~= 'PENDING' then return end
  local facts = facts_of(x, node_id)
  if x.cancelling then return cancel_node(x, node_id, 'PENDING') end
  if x.paused and is_held(x, node_id) then return end
  local counters, verdict
  if facts.total > 0 then counters = counters_of(x, node_id) end
  if not counters then
    verdict = 'run'
  elseif facts.gates > counters.gates then
    -- A condition that names this node is not done: were a rule to decide now, the result would depend on
    -- which dependency ended first.
    return
  elseif counters.is_not_taken then
    verdict = 'branch_not_taken'
  else
    local ok, bad, skip = counters.ok, counters.bad, counters.skip
    verdict = RULES[facts.rule](ok, bad, skip, ok + bad + skip, facts.total)
  end
  if verdict == 'run' then
    queue_node(x, node_id, 'PENDING', facts, '{}', false, is_successor)
  elseif verdict then
    end_node(x, node_id, 'SKIPPED', verdict, 'node.skipped', 0, quoted(verdict))
  end
  -- What is held stays PENDING, and counts on.
  if verdict and not x.paused then drop_counters(x, node_id) end
end

local settle

do

local BUDGET = 160

-- What deciding a node looks at; the same of one that has a single dependency; and of one that will be handed over.
local DECIDING, FOLLOWING, HANDED = {'r|', 'c|', 'node|'}, {'r|', 'node|'}, {'r|', 'node|', 'spec|', 'refs|', 'next|'}

-- Reads ahead, in two commands, what deciding nodes takes.
local function look_ahead(x, ids, is_only)
  if ids[2] then
    know(x, ids, DECIDING)
    statuses_ahead(x, ids)
  elseif is_only then
    know(x, ids, READY and HANDED or FOLLOWING)
  elseif ids[1] and unit_of(x, ids[1])['c|'] == nil then
    -- Where many depend on one, it has been looked at before.
    know(x, ids, DECIDING)
  end
end

-- Counts the end of a node at one chunk of its successors. A successor marked * is named in a branch of it, one marked !
-- takes over when it fails, one marked = depends on nothing else.
local function count_at_successors(x, outcome, node_id, chunk)
  local list = next_of(x, node_id, chunk)
  if not list then return 0 end
  local ids, marks = list.ids, list.marks
  local taker = list.has_taker and redis.call('HGET', x.runtime, 'caught|' .. node_id)
  local not_taken
  if list.has_branch then
    not_taken = {}
    for id in string.gmatch(redis.call('HGET', x.runtime, 'rejects|' .. node_id) or '', '%S+') do not_taken[id] = true end
  end
  -- What follows from anything but the end of an attempt comes over the stream.
  local is_direct = unit_of(x, node_id).is_ended
  look_ahead(x, ids, marks[1] == '=')
  for i = 1, #ids do
    local id, mark = ids[i], marks[i]
    -- What has left PENDING is decided, and counts no more.
    if status_of(x, id) == 'PENDING' then
      if mark == '=' and not x.paused then
        count_only(x, id, outcome)
      else
        local counters = count_at(x, id, id == taker and 'ok' or outcome)
        if mark == '*' or mark == '!' then
          counters.gates = counters.gates + 1
          if (not_taken and not_taken[id]) or (mark == '!' and outcome == 'ok') then counters.is_not_taken = true end
        end
      end
      decide(x, id, is_direct)
    end
  end
  if #ids >= CHUNK then push(x, {outcome, node_id, chunk + 1}) end
  return #ids
end

local function each_in_chunk(x, field, visit)
  local line = x.given and x.given[field] or redis.call('HGET', x.runtime, field)
  if not line then return nil end
  local ids = {}
  for id in string.gmatch(line, '%S+') do ids[#ids + 1] = id end
  look_ahead(x, ids)
  for _, id in ipairs(ids) do visit(id) end
  return #ids
end

local function take_turn(x, item)
  if type(item) == 'table' then return count_at_successors(x, item[1], item[2], item[3]) end
  local word, rest = string.match(item, '^(%S+) (.+)$')
  if TURNS[word] then return TURNS[word](x, rest) end
  if word == 'start' then
    local count = each_in_chunk(x, 'start|' .. rest, function(id) decide(x, id) end)
    if count and count >= CHUNK then push(x, 'start ' .. (rest + 1)) end
    return count or 0
  elseif word == 'cancel' or word == 'kill' then
    local count = each_in_chunk(x, 'ids|' .. rest, function(id)
      local status = status_of(x, id)
      if may_leave('node', 'cancel_node', status) and (word == 'kill' or status ~= 'RUNNING') then
        cancel_node(x, id, status, word == 'kill')
      end
    end)
    if count and count >= CHUNK then push(x, word .. ' ' .. (rest + 1)) end
    return count or 0
  elseif word == 'decide' then
    decide(x, rest)
    return 1
  elseif word == 'reset' or word == 'renew' then
    local id, ok, bad, skip, gates, not_taken = string.match(rest, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d)$')
    if word == 'renew' and must_unmake(x, id, item) then return 1 end
    move(x, id, 'PENDING')
    drop_output(x, id)
    revive(x, id)
    set_counters(x, id, ok, bad, skip, gates, not_taken)
    forget_end(x, id)
    forget_ask(x, id)
    redis.call('HDEL', x.runtime, 'rejects|' .. id, 'caught|' .. id, 'reused|' .. id)
    if word == 'renew' then redis.call('HDEL', x.runtime, 'child|' .. id) end
    start_over(x, id, facts_of(x, id))
    return 1
  end
  local node_id, chunk = string.match(rest, '^(%S+) (%d+)$')
  return count_at_successors(x, word, node_id, tonumber(chunk))
end

local function finish(x)
  local status, event, cause = end_of(x.cancelling, x.failed)
  set_status(x, status)
  redis.call('SREM', active_key(), x.id)
  -- What follows from an end in hours or days is no part of it, see include/retention.lua.
  redis.call('ZADD', rare_key.ended(), 'NX', NOW_TEXT, x.id)
  if x.paused then end_pause(x) end
  note(x, 'ended_ms', NOW_TEXT)
  x.has_ended = true
  if x.deadline_ms then redis.call('ZREM', timers_key(), timer_member('execution_timeout', x.id, '', x.generation)) end
  if x.cancelling then redis.call('ZREM', timers_key(), timer_member('cancel_grace', x.id, '', x.generation)) end
  record(x, event, '', '', quoted(cause))
  if x.notifies then deliveries.plan(x, status) end
  if x.parent then notify_parent(x, status) end
end

-- Works through the list until it is empty or the budget is spent, and ends the execution when nothing is left.
-- x.more tells the caller to come back at once; the timer does so if the caller dies.
function settle(x)
  x.is_settling = true
  -- A turn that is taken off the list and then fails would be lost, and that of a retry nobody could make again.
  if x.is_listed then plans.check(x) end
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
  for i = x.head, x.tail do
    local item = x.work[i]
    redis.call('RPUSH', worklist_key(x.id), type(item) == 'table' and table.concat(item, ' ') or item)
  end
  local is_saved = x.head <= x.tail
  x.head, x.tail = 1, 0
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

end

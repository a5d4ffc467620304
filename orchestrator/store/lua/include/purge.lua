-- purge: how an execution goes. purge.hide takes it away from every look-up, list and key in one call. What is left then is found
-- by nobody: statuses, outputs and items of its nodes, the list of its children, and its runtime under another name, which no
-- verb opens, so that a late worker changes nothing. purge.remove_some removes that, a bounded part in a call. Until nothing is
-- left the execution is listed in workflows:purging, so that any process can go on.
-- Fields added to the runtime under its other name:  purged_by, the call that hid it;  hidden, children looked at so far;
--   dead_cursor, where the search for dead|N has got to;  chunk, chunks of nodes removed

-- written_off: reservations of calls written off in one call; what is left of them its day writes off, see
-- budget.write_off_dead. children: looked at in one step.
local purge = {written_off = 100, children = 50}

-- Whether an execution is visible, or was and is being purged: a late copy of a call that made it then writes nothing.
function purge.is_made(id) return redis.call('EXISTS', status_key(id), rare_key.remains(id)) > 0 end

do

-- The record of the request that made it, unless the key has made another one since.
local function forget_request(id, tenant, key)
  if not key then return end
  local record = redis.call('GET', idempotency_key(tenant, key))
  if record and string.match(record, '(%S+)$') == id then redis.call('DEL', idempotency_key(tenant, key)) end
end

-- Its execution key, unless another one holds that by now.
local function release_key(id, tenant, digest)
  local key = digest and rare_key.execution_key(tenant, digest)
  if key and redis.call('GET', key) == id then redis.call('DEL', key) end
end

-- Takes an execution out of everything by which it is found. Whatever finds it by another key or row has its line here.
-- call: id of the call that hides it, '' for none. The caller has checked that it has ended and is counted in the statistics,
-- or was never started.
function purge.hide(id, call)
  local runtime, remains = runtime_key(id), rare_key.remains(id)
  local values = redis.call('HMGET', runtime, 'tenant', 'idempotency', 'generation', 'key_digest', 'workflow_id',
    'label_digests')
  local tenant, generation = values[1] or 'default', values[3] or '1'
  -- First, because it counts in the runtime.
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', reservations_key(id), '(0', '+inf', 'LIMIT', 0, purge.written_off)) do
    budget.write_off(member)
  end
  for _, row in ipairs(index_rows(tenant, values[5], values[6])) do redis.call('ZREM', row, id) end
  release_key(id, tenant, values[4])
  forget_request(id, tenant, values[2])
  redis.call('SREM', active_key(), id)
  redis.call('ZREM', rare_key.staging(), id)
  redis.call('ZREM', rare_key.expiring(), id)
  redis.call('ZREM', timers_key(), timer_member('continue', id, '', '0'), timer_member('execution_timeout', id, '', generation),
    timer_member('cancel_grace', id, '', generation))
  redis.call('UNLINK', status_key(id), definition_key(id), events_key(id), signals_key(id), worklist_key(id), held_units_key(id),
    rare_key.reset(id), reservations_key(id), rare_key.journal(id), rare_key.inbox(id))
  -- A submission of which nothing but nodes was staged has none.
  if redis.call('EXISTS', runtime) == 1 then redis.call('RENAME', runtime, remains) end
  redis.call('HSET', remains, 'purged_by', call)
  redis.call('ZADD', rare_key.purging(), NOW, id)
  -- Who watches it looks again, and finds it gone.
  redis.call('PUBLISH', events_key(id), '0')
  redis.call('PUBLISH', events_key(id) .. ':ended', '0')
end

-- A child goes with its parent, unless it still runs: then it goes on as an execution of its own. Gives how many were done,
-- nodes that were counted on the way, and whether that was enough for a step.
local function hide_children(id, from)
  local entries, counted = redis.call('LRANGE', children_key(id), from, from + purge.children - 1), 0
  for i, entry in ipairs(entries) do
    local child_id = string.match(entry, '^%S+')
    local status = redis.call('GET', status_key(child_id))
    if may_leave('execution', 'purge_execution', status) then
      local nodes, is_counted = retention.fold(child_id)
      counted = counted + nodes
      if not is_counted then return i - 1, counted, true end
      purge.hide(child_id, '')
      if counted >= retention.nodes then return i, counted, true end
    elseif status then
      redis.call('HDEL', runtime_key(child_id), 'parent')
    end
  end
  return #entries, counted, false
end

-- Takes some of its nodes off the list of the dead. Gives the cursor for the next.
local function forget_dead(remains, tenant, cursor)
  local answer = redis.call('HSCAN', remains, cursor, 'MATCH', 'dead|*', 'COUNT', 500)
  local entries = {}
  for i = 2, #answer[2], 2 do entries[#entries + 1] = answer[2][i] end
  if entries[1] then
    in_parts('XDEL', entries, rare_key.dead(tenant))
    -- A stream without entries stays otherwise, unlike a list or a set.
    if redis.call('XLEN', rare_key.dead(tenant)) == 0 then redis.call('DEL', rare_key.dead(tenant)) end
  end
  return answer[1]
end

local function remove_nodes(id, line)
  local keys = {}
  for node_id in string.gmatch(line, '%S+') do
    local count = #keys
    keys[count + 1], keys[count + 2], keys[count + 3] = node_key(id, node_id), output_key(id, node_id), items_key(id, node_id)
  end
  in_parts('UNLINK', keys)
  return #keys
end

-- Removes a part of what is left of an execution that was hidden. Gives the number of keys and rows touched, and whether
-- nothing is left. Its children go first to last, before the list that names them; its static layout it needs no more at the end.
function purge.remove_some(id)
  local remains = rare_key.remains(id)
  if redis.call('EXISTS', remains) == 0 then
    redis.call('ZREM', rare_key.purging(), id)
    return 1, true
  end
  local values = redis.call('HMGET', remains, 'hidden', 'dead_cursor', 'chunk', 'tenant', 'layout')
  if values[1] ~= 'all' then
    local from = tonumber(values[1] or 0)
    local count, counted, is_cut = hide_children(id, from)
    redis.call('HSET', remains, 'hidden', count < purge.children and not is_cut and 'all' or from + count)
    return 10 * count + counted, false
  end
  if values[2] ~= 'end' then
    local cursor = forget_dead(remains, values[4] or 'default', values[2] or '0')
    redis.call('HSET', remains, 'dead_cursor', cursor == '0' and 'end' or cursor)
    return 50, false
  end
  local forgotten = deliveries.forget_some(id)
  if forgotten > 0 then return 10 * forgotten, false end
  local chunk = string.format('%d', values[3] or 0)
  local line = redis.call('HGET', remains, 'ids|' .. chunk)
  if line then
    redis.call('HSET', remains, 'chunk', chunk + 1)
    return remove_nodes(id, line), false
  end
  local child = redis.call('LINDEX', children_key(id), 0)
  if child then
    local touched, is_done = purge.remove_some(string.match(child, '^%S+'))
    if is_done then redis.call('LPOP', children_key(id)) end
    return touched, false
  end
  -- Once in all: whoever comes again finds no remains.
  layouts.let_go(values[4] or 'default', values[5])
  redis.call('UNLINK', remains, children_key(id))
  redis.call('ZREM', rare_key.purging(), id)
  return 3, true
end

end

-- base: one clock, one open execution, one way to write its history.
-- ARGV[1] of every script: now in ms, '' for Redis time.  ARGV[2]: execution id.

local SEPARATOR = '\31'

-- Set at the start of every call. Redis runs one function at a time, so they cannot mix. OPEN: executions by id.
-- NOW_TEXT: the same moment as Redis takes it; it formats a number each time it is handed one.
-- SPENT: nodes touched so far, whichever execution they belong to.
-- READY: tasks of direct successors, kept back until the end of a call whose worker may be given some; nil in other calls.
local KEYS, ARGV, NOW, NOW_TEXT, OPEN, SPENT, READY

local function enter(keys, arguments)
  know_standard()
  KEYS, ARGV, OPEN, SPENT, READY = keys, arguments, {}, 0, nil
  begin_writes()
  PREFIX = string.byte(keys[1]) == 123 and string.match(keys[1], '^{[^}]*}:') or ''
  NOW = tonumber(arguments[1])
  if not NOW then
    local time = redis.call('TIME')
    NOW = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  NOW_TEXT = string.format('%d', NOW)
end

local function lease_member(execution_id, node_id, attempt)
  return execution_id .. SEPARATOR .. node_id .. SEPARATOR .. attempt
end

local function timer_member(kind, execution_id, node_id, attempt)
  return kind .. SEPARATOR .. execution_id .. SEPARATOR .. node_id .. SEPARATOR .. attempt
end

local function may_leave(subject, verb, status)
  return status and MAY_LEAVE[subject][verb][status]
end

local open, open_new

do

-- Nodes left where a count has been lost: never zero, so that nothing ends before the sweep has counted from scratch.
local UNCOUNTED = -1000000000

-- What few executions have. Whoever sets one of these says so in the field `rare`, see `set_rare`.
local function read_rare(x)
  local given, values = x.given, nil
  if given then
    values = {
      false, given.fail_fast, false, false, given.parent, false, false, given.features, given.tenant, given.notifies, given.waiter,
    }
  else
    values = redis.call('HMGET', x.runtime, 'cancelling', 'fail_fast', 'deadline_ms', 'generation', 'parent', 'children',
      'paused', 'features', 'tenant', 'notifies', 'waiter')
  end
  x.cancelling, x.fail_fast = values[1] ~= '' and values[1] or nil, values[2] == '1'
  x.deadline_ms, x.generation = tonumber(values[3] or ''), values[4] or '1'
  x.parent, x.children = values[5], tonumber(values[6] or 0)
  x.paused, x.features = values[7] ~= '' and values[7] or nil, values[8]
  x.tenant, x.notifies, x.waiter = values[9], values[10], values[11]
end

local function totals(execution_id)
  return {
    id = execution_id, runtime = runtime_key(execution_id), events = events_key(execution_id), units = {}, changed = {},
    seq = 0, left = 0, failed = 0, is_listed = false, is_changed = false, is_rare = false, generation = '1', children = 0,
    notes = {}, work = {}, head = 1, tail = 0,
  }
end

-- Opens an execution that this call makes, of which there is nothing to read: none of its nodes has begun. It is written at the end of
-- the call, unless write_new does so before. ARGV has the ids of its nodes from one place to another, then runtime fields and values
-- to the end, which further ones follow. given: those of its runtime fields that may be asked for.
function open_new(execution_id, layout, definition, first, last, given)
  local x = totals(execution_id)
  x.new_status, x.definition, x.first_node, x.last_node, x.notes, x.noted = 'PENDING', definition, first, last, ARGV, last + 1
  x.given, x.left, x.layout, x.plans, x.is_rare = given, tonumber(given.left), layout, plans.of(layout), given.rare == '1'
  if x.is_rare then read_rare(x) end
  -- Should the call fail before the first event, it is written as a whole all the same.
  x.is_changed = true
  OPEN[execution_id] = x
  return x
end

-- Reads one execution's running totals; nil when it is unknown or purged, so that a late worker never writes a
-- key that would outlive it. Parts of units may be named, see `know`; the record of a single one is read in the same round. An
-- execution is opened once in a call.
function open(execution_id, ids, parts)
  local x = OPEN[execution_id]
  if x then
    if ids then know(x, ids, parts) end
    return x
  end
  x = totals(execution_id)
  local unit, values = ids and not ids[2] and unit_of(x, ids[1]), nil
  -- A table of names, for most calls the same ones, would cost as much as half the command.
  if unit then
    values = redis.call('HMGET', x.runtime, 'v', 'seq', 'left', 'failed', 'worklist', 'rare', 'layout', 'r|' .. unit.id)
    take(unit, 'r|', values[8])
  else
    values = redis.call('HMGET', x.runtime, 'v', 'seq', 'left', 'failed', 'worklist', 'rare', 'layout')
  end
  local layout = values[1]
  if not layout then return nil end
  -- Nothing is changed, and its messages stay where they are: a process that knows the layout will come for them.
  if layout ~= LAYOUT then
    error({err = 'LAYOUT ' .. execution_id .. ' has layout ' .. layout .. ', this library knows ' .. LAYOUT})
  end
  x.seq, x.failed = tonumber(values[2] or 0), tonumber(values[4] or 0)
  x.left = tonumber(values[3] and values[4] and values[3] or UNCOUNTED)
  x.is_listed, x.is_rare = values[5] == '1', values[6] == '1'
  if x.is_rare then read_rare(x) end
  x.layout = values[7]
  x.plans = plans.of(x.layout)
  if unit then plans.know(x, ids, parts) elseif ids then know(x, ids, parts) end
  OPEN[execution_id] = x
  return x
end

end

-- Sets the status of an execution as a whole.
local function set_status(x, status)
  if x.new_status then x.new_status = status else redis.call('SET', status_key(x.id), status) end
end

-- Sets fields of an execution that few have; pairs of field and value.
local function set_rare(x, ...)
  if x.is_rare then
    redis.call('HSET', x.runtime, ...)
  else
    redis.call('HSET', x.runtime, 'rare', '1', ...)
    x.is_rare = true
  end
end

-- Sets a runtime field that nobody reads in this call, together with others, at its end.
local function note(x, field, value)
  local notes = x.notes
  local count = #notes
  notes[count + 1], notes[count + 2] = field, value
end

local record

do

local function append(x, event, node_id, item, attempt, data)
  if not item then
    return redis.pcall('XADD', x.events, string.format('%d-0', x.seq), 'type', event, 'node_id', node_id, 'attempt', attempt,
      'ts_ms', NOW_TEXT, 'data', data)
  end
  return redis.pcall('XADD', x.events, string.format('%d-0', x.seq), 'type', event, 'node_id', node_id, 'item', item,
    'attempt', attempt, 'ts_ms', NOW_TEXT, 'data', data)
end

-- data is JSON text, passed through unread.
function record(x, event, unit, attempt, data)
  local node_id, item = item_of(unit)
  x.seq = x.seq + 1
  x.is_changed = true
  local added = append(x, event, node_id, item, attempt, data)
  if type(added) ~= 'table' then return end
  -- The counter is behind its stream: it was lost, or changed by hand. The stream's last id wins, so that ids
  -- stay dense. Looking before every write would cost more than the write.
  x.seq = tonumber(string.match(redis.call('XREVRANGE', x.events, '+', '-', 'COUNT', 1)[1][1], '^%d+')) + 1
  append(x, event, node_id, item, attempt, data)
end

end

local leave, write_new

do

-- Adds the keys of a new execution to a list, each with its value: of its status, its definition, and the status of each node.
local function add_new(x, keys)
  local count, units = #keys, x.units
  keys[count + 1], keys[count + 2] = status_key(x.id), x.new_status
  keys[count + 3], keys[count + 4] = definition_key(x.id), x.definition
  count = count + 4
  for i = x.first_node, x.last_node do
    local id, status = ARGV[i], 'PENDING'
    local unit = units[id]
    if unit then status, unit.is_moved = unit.status or status, false end
    keys[count + 1], keys[count + 2] = node_key(x.id, id), status
    count = count + 2
  end
  x.new_status = nil
end

-- Writes a new execution before the end of the call.
function write_new(x)
  local keys = {}
  add_new(x, keys)
  in_parts('MSET', keys)
  in_parts('HSET', x.notes, x.runtime, x.noted)
  x.notes, x.noted = {}, nil
end

-- Of what is told to whoever waits for an end; longer values are read.
local TOLD_BYTES = 16384

-- What would be read next, as the message of an end has it: the id and the length of each value, - for none, and the values. Those
-- of EXECUTION_FIELDS, the status and the output. See read_outcome in store/records.py.
local function outcome_of_end(x)
  -- Before these are read: the two that may be long.
  local long = redis.call('STRLEN', output_key(x.id, '$output')) + redis.call('HSTRLEN', x.runtime, 'inputs')
  if long > TOLD_BYTES then return x.id end
  local values, count = redis.call('HMGET', x.runtime, unpack(EXECUTION_FIELDS)), #EXECUTION_FIELDS
  values[count + 1], values[count + 2] = redis.call('GET', status_key(x.id)), redis.call('GET', output_key(x.id, '$output'))
  local words, texts, bytes = {x.id}, {}, 0
  for i = 1, count + 2 do
    local value = values[i]
    if value then
      texts[#texts + 1], words[i + 1], bytes = value, #value, bytes + #value
    else
      words[i + 1] = '-'
    end
  end
  return bytes <= TOLD_BYTES and table.concat(words, ' ') .. '\n' .. table.concat(texts) or x.id
end

-- Tells who has waited since the start, and may have asked for the outcome.
local function tell(x)
  local channel, asks = string.match(x.waiter, '^(%S+)( ?)')
  redis.call('PUBLISH', channel, asks == '' and x.id or outcome_of_end(x))
end

-- Writes all that a call has changed, the totals of its executions too, and wakes their subscribers; the message says only
-- how far the history goes. Ends have a channel of their own, and so have those who have waited since the start.
-- Messages and leases come last.
function leave()
  -- With room for what most calls write.
  local keys = {nil, nil, nil, nil, nil, nil, nil, nil}
  for _, x in pairs(OPEN) do
    if x.new_status then add_new(x, keys) end
    if x.changed[1] then add_changes(x, keys, x.notes) end
  end
  in_parts('MSET', keys)
  for _, x in pairs(OPEN) do
    if x.is_changed then
      local seq = string.format('%d', x.seq)
      note(x, 'seq', seq)
      note(x, 'left', string.format('%d', x.left))
      note(x, 'failed', string.format('%d', x.failed))
      note(x, 'updated_ms', NOW_TEXT)
      in_parts('HSET', x.notes, x.runtime, x.noted)
      redis.call('PUBLISH', x.events, seq)
      if x.has_ended then
        redis.call('PUBLISH', x.events .. ':ended', seq)
        if x.waiter then tell(x) end
      end
    end
  end
  flush_acks()
  flush_leases()
end

end

local function as_error(fault) return type(fault) == 'table' and fault or redis.error_reply(fault) end

-- Puts the tasks that were kept back onto their streams; see claim.lua.
local post_ready

-- Ends a call that has failed on the way, and fails it.
local function give_up(fault)
  -- A task is kept back no more once it is about to be posted, so that one that cannot be does not hold up the others.
  while not pcall(post_ready) do end
  leave()
  error(as_error(fault))
end

-- Runtime fields that only few calls need, in the order asked for; false for none.
local function fields_of(x, ...)
  return unpack(redis.call('HMGET', x.runtime, ...))
end

-- Whose execution it is.
local function tenant_of(x) return fields_of(x, 'tenant') or 'default' end

-- Takes a unit's task off its stream. One that was handed to its worker has never been there.
local function drop_message(queue, message_id)
  if message_id and message_id ~= '-' and message_id ~= '' then acknowledge(tasks_key(queue), message_id) end
end

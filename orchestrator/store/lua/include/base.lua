-- base: one clock, one open execution, one way to move a node and to write its history.
-- ARGV[1] of every script: now in ms, '' for Redis time.  ARGV[2]: execution id.

local SEPARATOR = '\31'

-- Set at the start of every call. Redis runs one function at a time, so they cannot mix. OPEN: executions by id.
-- NOW_TEXT: the same moment as Redis takes it; it formats a number each time it is handed one.
-- SPENT: nodes touched so far, whichever execution they belong to.
-- READY: tasks of direct successors, kept back until the end of a call whose worker may be given some; nil in other calls.
local KEYS, ARGV, NOW, NOW_TEXT, OPEN, SPENT, READY

local function enter(keys, arguments)
  KEYS, ARGV, OPEN, SPENT, READY = keys, arguments, {}, 0, nil
  begin_writes()
  PREFIX = string.match(keys[1], '^{[^}]*}:') or ''
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
  return status and MAY_LEAVE[subject .. ' ' .. verb][status]
end

-- Nodes left where a count has been lost: never zero, so that nothing ends before the sweep has counted from scratch.
local UNCOUNTED = -1000000000

local function flush(x)
  local notes = x.notes
  for i = 1, #notes, 400 do redis.call('HSET', x.runtime, unpack(notes, i, math.min(i + 399, #notes))) end
  if #notes > 0 then x.notes, x.places = {}, {} end
end

-- Reads one execution's running totals; nil when it is unknown or purged, so that a late worker never writes a
-- key that would outlive it. The node fields asked for come back in the same round as x.fields. An execution is
-- opened once in a call: what was changed and not yet written is seen when it is opened again.
local function open(execution_id, ...)
  local x = OPEN[execution_id]
  if x then
    x.fields = select('#', ...) > 0 and redis.call('HMGET', x.runtime, ...) or {}
    for i = 1, #x.fields do
      local place = x.places[select(i, ...)]
      if place then x.fields[i] = x.notes[place] end
    end
    return x
  end
  local runtime = runtime_key(execution_id)
  local values = redis.call('HMGET', runtime, 'v', 'seq', 'left', 'failed', 'cancelling', 'worklist', 'fail_fast',
    'deadline_ms', 'generation', 'parent', 'children', 'paused', 'features', ...)
  if not values[1] then return nil end
  local fields = {}
  for i = 14, #values do fields[i - 13] = values[i] end
  x = {
    id = execution_id, runtime = runtime, events = events_key(execution_id),
    seq = tonumber(values[2] or 0), left = tonumber(values[3] and values[4] and values[3] or UNCOUNTED),
    failed = tonumber(values[4] or 0),
    cancelling = values[5] ~= '' and values[5] or nil, is_listed = values[6] == '1', fail_fast = values[7] == '1',
    deadline_ms = tonumber(values[8] or ''), generation = values[9],
    parent = values[10], children = tonumber(values[11] or 0),
    paused = values[12] ~= '' and values[12] or nil, features = values[13], fields = fields,
    work = {}, head = 1, tail = 0, notes = {}, places = {},
  }
  OPEN[execution_id] = x
  return x
end

-- Sets a runtime field, together with others, at the end of the call or before anybody reads it.
local function note(x, field, value)
  local notes = x.notes
  local place = x.places[field]
  if place then
    notes[place] = value
    return
  end
  local count = #notes
  notes[count + 1], notes[count + 2] = field, value
  x.places[field] = count + 2
end

local function append(x, event, node_id, item, attempt, data)
  if not item then
    return redis.pcall('XADD', x.events, x.seq .. '-0', 'type', event, 'node_id', node_id, 'attempt', attempt,
      'ts_ms', NOW_TEXT, 'data', data)
  end
  return redis.pcall('XADD', x.events, x.seq .. '-0', 'type', event, 'node_id', node_id, 'item', item,
    'attempt', attempt, 'ts_ms', NOW_TEXT, 'data', data)
end

-- data is JSON text, passed through unread.
local function record(x, event, unit, attempt, data)
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

-- Ends a call: writes the totals of what it changed and wakes its subscribers; the message says only how far the
-- history goes.
local function leave()
  flush_writes()
  for _, x in pairs(OPEN) do
    if x.is_changed then
      note(x, 'seq', string.format('%d', x.seq))
      note(x, 'left', string.format('%d', x.left))
      note(x, 'failed', string.format('%d', x.failed))
      note(x, 'updated_ms', NOW_TEXT)
      flush(x)
      redis.call('PUBLISH', x.events, x.seq)
    end
  end
  flush_acks()
  flush_leases()
end

local function as_error(fault) return type(fault) == 'table' and fault or redis.error_reply(fault) end

-- Puts the tasks that were kept back onto their streams; see claim.lua.
local post_ready

-- Ends a call that has failed on the way, and fails it.
local function give_up(fault)
  flush_writes()
  post_ready()
  flush_acks()
  flush_leases()
  error(as_error(fault))
end

-- A node's static facts, written at submission: handler, queue, trigger rule, dependency count, gate count,
-- critical, schedule_to_start_ms, start_to_close_ms; then, only where a node has them, ` name=value` pairs.
-- Definitions run again and again, so the facts taken apart are kept from call to call, a thousand at most.
local FACTS, FACTS_COUNT = {}, 0

local function parse_facts(text)
  local facts = FACTS[text]
  if facts then return facts end
  local handler, queue, rule, total, gates, critical, start_ms, close_ms, extras =
    string.match(text, '^(%S+) (%S+) (%S+) (%d+) (%d+) (%d) (%d+) (%d+)(.*)$')
  facts = {
    handler = handler, queue = queue, rule = rule, total = tonumber(total), gates = tonumber(gates),
    is_critical = critical == '1', schedule_to_start_ms = tonumber(start_ms), start_to_close_ms = tonumber(close_ms),
  }
  for name, value in string.gmatch(extras, ' ([%w_]+)=(%S+)') do facts[name] = tonumber(value) or value end
  if FACTS_COUNT == 1000 then FACTS, FACTS_COUNT = {}, 0 end
  FACTS[text], FACTS_COUNT = facts, FACTS_COUNT + 1
  return facts
end

-- Takes a unit's task off its stream. One that was handed to its worker has never been there.
local function drop_message(queue, message_id)
  if message_id and message_id ~= '' then acknowledge(tasks_key(queue), message_id) end
end

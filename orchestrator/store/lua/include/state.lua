-- state: what a hop lives on. All of it is read once in a call, as much as possible together, and written once, at its end,
-- however often it changes in between. Nothing reads or writes it in another way:
--   status and output of nodes, keys of their own
--   r|N  the record of a unit: "ATTEMPT NONCE MESSAGE TRIES CRASHES QUEUED_MS STARTED_MS ENDED_MS WORKER", - for none.
--        NONCE is that of its last claim, with a ! before it once its worker has ended the attempt; - once another verb has.
--   c|N  what a node has counted of its dependencies while it is PENDING: "OK BAD SKIP GATES NOT_TAKEN"
-- A unit as a call sees it is one table, x.units[N]: each new table and each long string costs as much as a small command.

local ENDED = '!'

-- unit_of: the unit. know: reads parts of units ahead, in one command, and of their plans (plans.lua); take: sets one that was read.
-- status_of, move: the status, read or changed. statuses_ahead: reads those of several nodes. output_of, put_output, drop_output.
-- state_of: the unit with its record; amend: the same, to be changed.
-- counters_of: the unit with its counters; count_only, count_at, set_counters change them; drop_counters: they need not be written.
-- add_changes: adds to two lists what has changed: keys and values, runtime fields and values.
local know, take, status_of, statuses_ahead, move, output_of, put_output, drop_output
local state_of, amend, counters_of, count_only, count_at, set_counters, drop_counters, add_changes

do

function unit_of(x, id)
  local unit = x.units[id]
  if unit then return unit end
  local node_id, index = item_of(id)
  unit = {
    id = id, index = index, attempt = '0', nonce = '-', message_id = '-', tries = '0', crashes = '0', queued_ms = '-',
    started_ms = '-', ended_ms = '-', worker = '-', ok = 0, bad = 0, skip = 0, gates = 0,
    -- With more than 16 fields the table has room for 32, and never grows: that costs as much as a command.
    is_changed = false, is_listed = false, is_moved = false,
  }
  x.units[id] = unit
  -- Of an item its node has the static parts.
  unit.node = index and unit_of(x, node_id) or unit
  return unit
end

-- Of what no engine wrote: whoever needs it fails, and nobody else who is read in the same round.
local DAMAGED = 'damaged'

function take(unit, part, value)
  if not value then
    unit[part] = false
  elseif part == 'r|' then
    unit.attempt, unit.nonce, unit.message_id, unit.tries, unit.crashes, unit.queued_ms, unit.started_ms, unit.ended_ms,
      unit.worker = string.match(value, '^(%d+) (%S+) (%S+) (%-?%d+) (%d+) (%S+) (%S+) (%S+) (%S+)$')
    unit[part] = unit.attempt and true or DAMAGED
  else
    local ok, bad, skip, gates, not_taken = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%d)$')
    unit[part] = ok and true or DAMAGED
    unit.ok, unit.bad, unit.skip, unit.gates = tonumber(ok), tonumber(bad), tonumber(skip), tonumber(gates)
    unit.is_not_taken = not_taken == '1'
  end
end

-- Parts of a unit go by what stands before its id in the name of their field. The unit has them under the same name: nil as long
-- as they are not known, false where there is none, true once the record and the counters are taken apart.
function know(x, ids, parts)
  local names, units, kinds, count = nil, nil, nil, 0
  for i = 1, #ids do
    local id = ids[i]
    local unit = x.units[id] or unit_of(x, id)
    for j = 1, #parts do
      local part = parts[j]
      if (part == 'r|' or part == 'c|') and unit[part] == nil then
        unit[part] = false
        if not x.given then
          if count == 0 then names, units, kinds = {}, {}, {} end
          count = count + 1
          names[count], units[count], kinds[count] = part .. id, unit, part
        end
      end
    end
  end
  for from = 1, count, 500 do
    local to = math.min(from + 499, count)
    local values = redis.call('HMGET', x.runtime, unpack(names, from, to))
    for i = from, to do take(units[i], kinds[i], values[i - from + 1]) end
  end
  plans.know(x, ids, parts)
end

-- One part that a call has not read ahead.
local function read_part(x, unit, part, name)
  take(unit, part, not x.given and redis.call('HGET', x.runtime, name))
end

function state_of(x, id)
  local unit = x.units[id] or unit_of(x, id)
  if unit['r|'] == nil then read_part(x, unit, 'r|', 'r|' .. id) end
  if unit['r|'] == DAMAGED then error({err = 'ERR damaged record of ' .. id .. ' in ' .. x.runtime}) end
  return unit
end

-- Lists a unit, once, among those that have changed.
local function list_change(x, unit)
  x.is_changed = true
  if unit.is_listed then return end
  unit.is_listed = true
  x.changed[#x.changed + 1] = unit
end

function amend(x, id)
  local unit = x.units[id]
  if unit and unit.is_changed then return unit end
  unit = state_of(x, id)
  unit.is_changed = true
  list_change(x, unit)
  return unit
end

function status_of(x, id)
  local unit = x.units[id] or unit_of(x, id)
  if unit.status == nil then
    -- Every node of a new execution is PENDING; what renders its output is none, and has no status before all of them have ended.
    unit.status = x.given and unit.node == unit and id ~= '$output' and 'PENDING' or stored_status(x.id, id)
  end
  return unit.status
end

-- 500 units at most; items are left out.
function statuses_ahead(x, ids)
  if x.given then return end
  local keys, units, count = {}, {}, 0
  for i = 1, #ids do
    local unit = unit_of(x, ids[i])
    if unit.status == nil and not unit.index then
      count = count + 1
      keys[count], units[count] = node_key(x.id, ids[i]), unit
    end
  end
  if count < 2 then return end
  local values = redis.call('MGET', unpack(keys))
  -- None may mean that the key is of another kind: reading it by itself tells.
  for i = 1, count do units[i].status = values[i] or nil end
end

function move(x, id, status)
  local unit = amend(x, id)
  unit.status = status
  if unit.index then
    redis.call('HSET', items_key(x.id, unit.node.id), 's' .. unit.index, status)
  else
    unit.is_moved = true
  end
end

function output_of(x, id)
  local unit = unit_of(x, id)
  if unit.output == nil then
    if unit.index then
      unit.output = redis.call('HGET', items_key(x.id, unit.node.id), 'o' .. unit.index)
    else
      unit.output = redis.call('GET', output_key(x.id, id))
    end
  end
  return unit.output
end

function put_output(x, id, output)
  local unit = amend(x, id)
  unit.output = output
  if unit.index then
    redis.call('HSET', items_key(x.id, unit.node.id), 'o' .. unit.index, output)
  else
    unit.has_output = true
  end
end

-- Of a node, which runs again.
function drop_output(x, node_id)
  local unit = amend(x, node_id)
  unit.output, unit.has_output = false, false
  redis.call('DEL', output_key(x.id, node_id))
end

function counters_of(x, node_id)
  local unit = x.units[node_id] or unit_of(x, node_id)
  if unit['c|'] == nil then read_part(x, unit, 'c|', 'c|' .. node_id) end
  if unit['c|'] == DAMAGED then error({err = 'ERR damaged counters of ' .. node_id .. ' in ' .. x.runtime}) end
  return unit
end

-- Counts the only dependency of a node, which decides it.
function count_only(x, node_id, outcome)
  local unit = x.units[node_id] or unit_of(x, node_id)
  unit['c|'], unit[outcome] = true, 1
end

-- Counts one dependency that has ended, by what its end counts as.
function count_at(x, node_id, outcome)
  local unit = counters_of(x, node_id)
  unit[outcome], unit.has_counted = unit[outcome] + 1, true
  list_change(x, unit)
  return unit
end

function set_counters(x, node_id, ok, bad, skip, gates, not_taken)
  local unit = unit_of(x, node_id)
  unit['c|'], unit.has_counted, unit.is_not_taken = true, true, not_taken == '1'
  unit.ok, unit.bad, unit.skip, unit.gates = tonumber(ok), tonumber(bad), tonumber(skip), tonumber(gates)
  list_change(x, unit)
end

-- Once a node is decided, its counters are read no more.
function drop_counters(x, node_id) unit_of(x, node_id).has_counted = false end

function add_changes(x, keys, fields)
  local written, noted = #keys, #fields
  for i = 1, #x.changed do
    local unit = x.changed[i]
    local id = unit.id
    if unit.is_moved then
      keys[written + 1], keys[written + 2] = node_key(x.id, id), unit.status
      written = written + 2
    end
    if unit.has_output then
      keys[written + 1], keys[written + 2] = output_key(x.id, id), unit.output
      written = written + 2
    end
    if unit.is_changed then
      fields[noted + 1], fields[noted + 2] = 'r|' .. id, unit.attempt .. ' ' .. unit.nonce .. ' ' .. unit.message_id .. ' '
        .. unit.tries .. ' ' .. unit.crashes .. ' ' .. unit.queued_ms .. ' ' .. unit.started_ms .. ' ' .. unit.ended_ms .. ' '
        .. unit.worker
      noted = noted + 2
    end
    if unit.has_counted then
      fields[noted + 1], fields[noted + 2] = 'c|' .. id, string.format('%d %d %d %d %d', unit.ok, unit.bad, unit.skip, unit.gates,
        unit.is_not_taken and 1 or 0)
      noted = noted + 2
    end
  end
end

end

-- Whether an attempt is the one that its worker claimed, and has not ended.
local function is_current(x, unit, attempt, nonce)
  local state = state_of(x, unit)
  return state.attempt == attempt and state.nonce == nonce
end

-- Takes an attempt from its worker, whose late result is then refused. is_over: another attempt may never begin.
local function fence(x, unit, is_over)
  local state = amend(x, unit)
  state.nonce = '-'
  if is_over then state.attempt = string.format('%d', state.attempt + 1) end
end

-- The attempt was not a try that the unit's policy counts.
local function uncharge(x, unit)
  local state = amend(x, unit)
  state.tries = string.format('%d', state.tries - 1)
end

-- A unit that runs again says nothing of how it ended.
local function forget_end(x, unit)
  local state = amend(x, unit)
  state.nonce, state.started_ms, state.ended_ms = '-', '-', '-'
  redis.call('HDEL', x.runtime, 'reason|' .. unit, 'error|' .. unit, 'waiting_on|' .. unit, 'due_ms|' .. unit)
end

-- A unit that starts over has all its tries, and keeps nothing of those before.
local function forget_tries(x, unit)
  local state = amend(x, unit)
  state.tries, state.crashes = '0', '0'
  redis.call('HDEL', x.runtime, 'kept|' .. unit, 'resume|' .. unit, 'unoffered_ms|' .. unit, 'handed_back|' .. unit,
    'close_ms|' .. unit, 'beat|' .. unit, 'counts|' .. unit)
end

-- Lets a node start over. A mapped one goes on with the items it has.
local function start_over(x, node_id, facts)
  forget_tries(x, node_id)
  if facts.map and redis.call('HEXISTS', items_key(x.id, node_id), 'total') == 1 then
    redis.call('HSET', x.runtime, 'resume|' .. node_id, '{"again":true}')
  end
end

-- Whether what has begun of a unit is not to go on: its execution is being cancelled, or its map starts nothing more.
local function is_ending(x, unit)
  if x.cancelling then return true end
  local node_id, index = item_of(unit)
  return index ~= nil and redis.call('HGET', items_key(x.id, node_id), 'halted') == '1'
end

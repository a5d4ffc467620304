-- pause: what a paused execution keeps back. Attempts in flight end as ever, and so do counters, skips and joins; what would
-- be queued is held instead. A held unit is PENDING, or WAITING where its timer fell due; it is in the held list once, in
-- the order in which its turn came.
-- Runtime fields:  paused, number of the pause while there is one;  pauses, how many there have been;
--   paused_by, paused_reason (JSON), paused_ms;  held|N, number of the pause that holds N, so that resume need not clear it

local function is_under_way(status) return status == 'RUNNING' or status == 'PAUSED' end

local function is_held(x, unit) return redis.call('HGET', x.runtime, 'held|' .. unit) == x.paused end

-- Keeps a unit back; one that is kept already keeps its place.
local function hold(x, unit)
  if is_held(x, unit) then return end
  redis.call('HSET', x.runtime, 'held|' .. unit, x.paused)
  redis.call('RPUSH', held_units_key(x.id), unit)
end

-- Keeps back a unit that would be queued now. Expects what kept it alive to have been taken away.
local function hold_node(x, unit, data)
  move(x, unit, 'PENDING')
  hold(x, unit)
  record(x, 'node.held', unit, state_of(x, unit).attempt, data)
end

-- by and reason are JSON. Turns of a resume that are still saved hold again what they find.
local function begin_pause(x, by, reason)
  x.paused = string.format('%d', redis.call('HINCRBY', x.runtime, 'pauses', 1))
  set_rare(x, 'paused', x.paused, 'paused_by', by, 'paused_reason', reason, 'paused_ms', NOW)
  if not x.is_listed then redis.call('DEL', held_units_key(x.id)) end
  set_status(x, 'PAUSED')
  record(x, 'execution.paused', '', '', '{"by":' .. by .. ',"reason":' .. reason .. '}')
end

-- The execution has ended: nothing is held any more.
local function end_pause(x)
  x.paused = nil
  redis.call('DEL', held_units_key(x.id))
  redis.call('HDEL', x.runtime, 'paused', 'paused_by', 'paused_reason', 'paused_ms')
end

-- Why an operator is asked about a unit that has failed for good, as words that follow its name; false or nil when none is. A
-- durable handler whose code is another than it began with asks so, by its error. Error objects begin with their type. The
-- policy of a mapped node asks for the node, its budget for the item.
local function why_ask(x, unit, facts, error)
  if string.find(error, '{"type":"CodeChanged"', 1, true) == 1 then return ' runs code that has changed' end
  if budget.is_paused_by(x, error) then return ' has no room in its budget' end
  return facts.asks and not string.find(unit, '[', 1, true) and ' has failed, and its retry policy asks for an operator'
end

-- Parks a unit that has failed for good and whose policy or budget asks for an operator, and pauses the execution.
local function ask_operator(x, node_id, attempt, error, why)
  move(x, node_id, 'WAITING')
  redis.call('HSET', x.runtime, 'waiting_on|' .. node_id, 'operator')
  redis.call('HDEL', x.runtime, 'due_ms|' .. node_id)
  if x.features then stop_limit(x, node_id) end
  record(x, 'node.waiting', node_id, attempt, '{"waiting_on":"operator","error":' .. error .. '}')
  if not x.paused then begin_pause(x, 'null', '"node ' .. node_id .. why .. '"') end
  hold(x, node_id)
end

-- Requests that were taken, newest last, as ";KEY;KEY;": one sent late, after others, is known again.
local function is_known_call(calls, key) return string.find(calls or '', ';' .. key .. ';', 1, true) ~= nil end

local function with_call(calls, key)
  local CALLS_KEPT = 20
  calls = (calls or ';') .. key .. ';'
  local _, count = string.gsub(calls, ';', '')
  return count > CALLS_KEPT + 1 and string.match(calls, '^;[^;]*(;.*)$') or calls
end

local function remember_call(x, field, calls, key) redis.call('HSET', x.runtime, field, with_call(calls, key)) end

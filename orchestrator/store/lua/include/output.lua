-- output: the last unit of an execution whose definition has an output. Nothing depends on it and it is no node: it begins
-- when everything else has ended well, its end ends the execution and its failure fails it. Its status has no key before.
-- Where it is the output of one node as it is, no worker is needed: it is copied, and its only event is node.completed.

local forget_output

do

local OUTPUT = '$output'

local function renders_output(x) return x.features and string.find(x.features, 'output', 1, true) end

-- Says whether there was nothing but to copy it.
local function copy_output(x)
  local node_id = string.match(x.features, 'output:(%S+)')
  if not node_id or x.paused or status_of(x, node_id) ~= 'COMPLETED' then return false end
  local output = output_of(x, node_id)
  if not output then return false end
  local state = amend(x, OUTPUT)
  state.attempt = string.format('%d', state.attempt + 1)
  state.queued_ms, state.started_ms, state.ended_ms = NOW_TEXT, NOW_TEXT, NOW_TEXT
  put_output(x, OUTPUT, output)
  move(x, OUTPUT, 'COMPLETED')
  record(x, 'node.completed', OUTPUT, state.attempt, '{}')
  return true
end

-- Begins it where nothing else is left. Says whether it has still to end.
function has_output_left(x)
  if not renders_output(x) then return false end
  if x.cancelling or x.failed > 0 then return false end
  local status = status_of(x, OUTPUT)
  if status == 'COMPLETED' or status == 'FAILED' then return false end
  if not status and copy_output(x) then return false end
  x.left = x.left + 1
  if not status then queue_node(x, OUTPUT, 'PENDING', facts_of(x, OUTPUT), '{}') end
  return true
end

-- A new generation renders it again.
function forget_output(x)
  if not renders_output(x) then return end
  drop_output(x, OUTPUT)
  redis.call('DEL', node_key(x.id, OUTPUT))
  local unit = unit_of(x, OUTPUT)
  unit.status, unit.is_moved = false, false
  forget_tries(x, OUTPUT)
  forget_end(x, OUTPUT)
end

end

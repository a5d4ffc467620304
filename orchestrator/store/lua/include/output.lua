-- output: the last unit of an execution whose definition has an output. Nothing depends on it and it is no node: it begins
-- when everything else has ended well, its end ends the execution and its failure fails it. Its status has no key before.

local OUTPUT = '$output'

-- Begins it where nothing else is left. Says whether it has still to end.
function has_output_left(x)
  if not x.features or not string.find(x.features, 'output', 1, true) then return false end
  if x.cancelling or x.failed > 0 then return false end
  local status = read(node_key(x.id, OUTPUT))
  if status == 'COMPLETED' or status == 'FAILED' then return false end
  x.left = x.left + 1
  if not status then queue_node(x, OUTPUT, 'PENDING', parse_facts(redis.call('HGET', x.runtime, 'node|' .. OUTPUT)), '{}') end
  return true
end

-- A new generation renders it again.
local function forget_output(x)
  erase(node_key(x.id, OUTPUT), output_key(x.id, OUTPUT))
  forget_tries(x, OUTPUT)
  redis.call('HDEL', x.runtime, 'reason|' .. OUTPUT, 'error|' .. OUTPUT, 'started_ms|' .. OUTPUT, 'ended_ms|' .. OUTPUT,
    'finished|' .. OUTPUT, 'waiting_on|' .. OUTPUT, 'due_ms|' .. OUTPUT)
end

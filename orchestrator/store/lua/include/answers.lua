-- answers: how a wait for a signal or an approval ends: a signal that was kept, the answer itself, or its time limit.

-- Hands the oldest kept signal of a name to a node, which runs again with it. Says whether there was one.
local function take_kept(x, node_id, status, facts, name)
  local key = signals_key(x.id)
  local queue = redis.call('HGET', key, 'queue|' .. name)
  if not queue then return false end
  local number, rest = string.match(queue, '^(%d+) ?(.*)$')
  local payload = redis.call('HGET', key, 'payload|' .. number)
  redis.call('HDEL', key, 'payload|' .. number)
  redis.call('HINCRBY', key, 'kept', -1)
  if rest == '' then
    redis.call('HDEL', key, 'queue|' .. name)
  else
    redis.call('HSET', key, 'queue|' .. name, rest)
  end
  redis.call('HSET', x.runtime, 'resume|' .. node_id, '{"signal":' .. (payload or 'null') .. '}')
  queue_node(x, node_id, status, facts, '{"cause":"signal"}')
  return true
end

-- Ends a wait that was answered. The caller has checked that the node waits for just that.
local function end_wait(x, node_id, attempt, on, output, data)
  detach(x, node_id, 'WAITING')
  local others = redis.call('HGET', x.runtime, 'unless_late|' .. node_id)
  if others then redis.call('HSET', x.runtime, 'rejects|' .. node_id, others) end
  put_output(x, node_id, output)
  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, data)
end

-- Ends a wait whose time limit has passed. taker: who takes over where that fails the node, or ''.
local function end_late(x, node_id, attempt, facts, on, taker)
  detach(x, node_id, 'WAITING')
  local values = redis.call('HMGET', x.runtime, 'late|' .. node_id, 'kept|' .. node_id, 'if_late|' .. node_id)
  redis.call('HDEL', x.runtime, 'kept|' .. node_id)
  if values[1] ~= 'complete' then
    settle_failure(x, node_id, attempt, facts, 'timeout', values[2] or '{}', false, taker)
    return
  end
  local output = values[2] or '{}'
  if on == 'approval' then output = string.sub(output, 1, -2) .. ',"at":"' .. rfc3339(NOW) .. '"}' end
  if values[3] then redis.call('HSET', x.runtime, 'rejects|' .. node_id, values[3]) end
  put_output(x, node_id, output)
  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, '{"timed_out":true}')
end

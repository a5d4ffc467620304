-- chunk: writes one slice of a submission: node statuses and runtime fields. Nothing of it can be seen before the
-- execution's status key exists. A node that is there already stays as it is: a slice that arrives a second time, late,
-- must not undo what a fork has marked as ended since.
-- ARGV from first: count of node ids, the ids, then runtime fields and values in pairs to the end.

local function write_chunk(execution_id, first)
  local count = tonumber(ARGV[first])
  for i = first + 1, first + count do redis.call('SET', node_key(execution_id, ARGV[i]), 'PENDING', 'NX') end
  local runtime = runtime_key(execution_id)
  for i = first + count + 1, #ARGV, 400 do
    redis.call('HSET', runtime, unpack(ARGV, i, math.min(i + 399, #ARGV)))
  end
end

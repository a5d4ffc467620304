-- slices: writes one slice of a submission: node statuses and runtime fields. Nothing of it can be seen before the
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

-- Whether what was staged before the last slice is still there; a last slice that has the first nodes is the whole.
local function is_whole(execution_id, first)
  return ARGV[first + ARGV[first] + 1] == 'ids|0' or redis.call('HEXISTS', runtime_key(execution_id), 'ids|0') == 1
end

-- Every list that an execution stands in: written when it is created, taken away when it is purged.
local function index_rows(tenant, workflow_id, label_digests)
  local rows = {index_key(tenant)}
  if workflow_id then rows[2] = rare_key.workflow_index(tenant, workflow_id) end
  for digest in string.gmatch(label_digests or '', '%S+') do rows[#rows + 1] = rare_key.label_index(tenant, digest) end
  return rows
end

-- Makes an execution visible, its last slice written from ARGV[first] on. Its lists, history and start are the caller's.
local function create(execution_id, tenant, definition, first)
  redis.call('SET', status_key(execution_id), 'PENDING')
  if tenant ~= 'default' then redis.call('HSET', runtime_key(execution_id), 'rare', '1') end
  redis.call('SET', definition_key(execution_id), definition)
  write_chunk(execution_id, first)
  redis.call('HSET', runtime_key(execution_id), 'created_ms', NOW, 'tenant', tenant)
  redis.call('ZREM', rare_key.staging(), execution_id)
end

-- Puts an execution that was just created into its lists, and its queues into theirs. Gives what it repeats.
local function enlist(x, tenant)
  local queues, workflow_id, label_digests, replay_of, forked_from =
    fields_of(x, 'queues', 'workflow_id', 'label_digests', 'replay_of', 'forked_from')
  for queue in string.gmatch(queues or '', '%S+') do redis.call('SADD', rare_key.queues(), queue) end
  for _, row in ipairs(index_rows(tenant, workflow_id, label_digests)) do redis.call('ZADD', row, NOW_TEXT, x.id) end
  return replay_of, forked_from
end

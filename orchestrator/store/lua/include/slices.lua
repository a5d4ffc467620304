-- slices: writes one slice of a submission: node statuses and runtime fields. Nothing of it can be seen before the
-- execution's status key exists.
-- ARGV from at: the static layout, see layouts.lua; count of node ids, the ids, then runtime fields and values in pairs to the end.

local slices, create = {}, nil

do

-- Stages a slice; the first one counts the execution at its static layout, which then stays. A node that is there already stays as it
-- is: a slice that arrives a second time, late, must not undo what a fork has marked as ended since. Says whether it is staged: without
-- its static layout nothing is.
function slices.stage(execution_id, tenant, at)
  local runtime = runtime_key(execution_id)
  if redis.call('HEXISTS', runtime, 'layout') == 0 then
    if not layouts.is_known(tenant, at) then return false end
    layouts.hold(tenant, at)
    redis.call('HSET', runtime, 'layout', ARGV[at], 'tenant', tenant)
  end
  local first = layouts.after(at)
  local count = tonumber(ARGV[first])
  for i = first + 1, first + count do redis.call('SET', node_key(execution_id, ARGV[i]), 'PENDING', 'NX') end
  for i = first + count + 1, #ARGV, 400 do
    redis.call('HSET', runtime, unpack(ARGV, i, math.min(i + 399, #ARGV)))
  end
  return true
end

-- Whether a last slice is the whole: it has the first nodes.
local function is_alone(at)
  local first = layouts.after(at)
  return ARGV[first + ARGV[first] + 1] == 'ids|0'
end

-- What an execution lacks that is about to be created: lost, what was staged before the last slice; layout_needed, the static
-- layout of one that is not staged; nil for nothing.
function slices.lacks(execution_id, tenant, at)
  if is_alone(at) then return not layouts.is_known(tenant, at) and 'layout_needed' or nil end
  local found = redis.call('HMGET', runtime_key(execution_id), 'ids|0', 'layout')
  return not (found[1] and found[2]) and 'lost' or nil
end

-- What is asked for of the fields that a new execution was given.
local ASKED = {
  left = true, rare = true, queues = true, workflow_id = true, label_digests = true, replay_of = true, forked_from = true,
  execution_timeout_ms = true, ['start|0'] = true, fail_fast = true, features = true, notifies = true, waiter = true,
}

-- Makes an execution visible that lacks nothing, its last slice written from ARGV[at] on, and opens it. Its lists, history and start
-- are the caller's. parent: 'EXECUTION UNIT' that starts it, with its depth; nil for none.
function create(execution_id, tenant, definition, at, parent, depth)
  local first = layouts.after(at)
  local last, layout, is_rare, is_whole = first + ARGV[first], ARGV[at], tenant ~= 'default' or parent, is_alone(at)
  -- With room for what most have: a table that grows costs as much as a command.
  local given = {left = nil, rare = nil, workflow_id = nil, ['start|0'] = nil}
  for i = last + 1, #ARGV, 2 do
    local field = ARGV[i]
    if ASKED[field] then given[field] = ARGV[i + 1] end
  end
  if is_rare then given.rare, given.tenant, given.parent = '1', tenant, parent end
  if is_whole then layouts.hold(tenant, at) else redis.call('ZREM', rare_key.staging(), execution_id) end
  local x = open_new(execution_id, layout, definition, first + 1, last, given)
  note(x, 'created_ms', NOW_TEXT)
  note(x, 'tenant', tenant)
  note(x, 'layout', layout)
  if parent then
    note(x, 'parent', parent)
    note(x, 'depth', depth)
  end
  if is_rare then note(x, 'rare', '1') end
  -- Its parent may end it in the same call; starting points beyond the first list are read; what was staged is not known here.
  if parent or last - first > CHUNK or not is_whole then
    note(x, 'failed', '0')
    write_new(x)
  end
  if is_whole then return x end
  OPEN[execution_id] = nil
  return open(execution_id)
end

end

-- Every list that an execution stands in: written when it is created, taken away when it is purged.
local function index_rows(tenant, workflow_id, label_digests)
  local rows = {index_key(tenant)}
  if workflow_id then rows[2] = rare_key.workflow_index(tenant, workflow_id) end
  if label_digests then
    for digest in string.gmatch(label_digests, '%S+') do rows[#rows + 1] = rare_key.label_index(tenant, digest) end
  end
  return rows
end

-- Puts an execution that was just created into its lists, and its queues into theirs. Gives what it repeats.
local function enlist(x, tenant)
  local queues, workflow_id, label_digests, replay_of, forked_from
  if x.given then
    local given = x.given
    queues, workflow_id, label_digests = given.queues, given.workflow_id, given.label_digests
    replay_of, forked_from = given.replay_of, given.forked_from
  else
    queues, workflow_id, label_digests, replay_of, forked_from =
      fields_of(x, 'queues', 'workflow_id', 'label_digests', 'replay_of', 'forked_from')
  end
  if queues then
    for queue in string.gmatch(queues, '%S+') do redis.call('SADD', rare_key.queues(), queue) end
  end
  for _, row in ipairs(index_rows(tenant, workflow_id, label_digests)) do redis.call('ZADD', row, NOW_TEXT, x.id) end
  return replay_of, forked_from
end

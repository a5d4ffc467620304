-- hooks: addresses under which strangers start executions of a workflow. A hook is named KIND:PATH: `webhook`, or `path` for the
-- trigger paths of doors. It is bound to one workflow of one tenant, whose record lists its hooks in the field `hooks`, as
-- " NAME NAME ". Only the checks read; the rest expects that they were made.

-- most: hooks of one tenant. most_of_workflow: hooks of one workflow. most_secrets: of one hook. ledger_ms: how long the id of a
-- delivery is known.
local hooks = {most = 1000, most_of_workflow = 32, most_secrets = 4, ledger_ms = 86400000}

function hooks.key(name) return rare_key.hook(string.match(name, '^(%a+):(.*)$')) end

-- Why there can be no new hook of this name: taken, unknown (there is no such workflow), full; nil where there can be one.
-- A workflow that has the path already may have it again.
function hooks.refusal(name, tenant, workflow_id)
  local record = rare_key.registered(tenant, workflow_id)
  local values = redis.call('HMGET', record, 'revision', 'hooks')
  local holder = redis.call('HMGET', hooks.key(name), 'tenant', 'workflow_id')
  if not values[1] then return 'unknown' end
  if holder[1] then return (holder[1] ~= tenant or holder[2] ~= workflow_id) and 'taken' or nil end
  local _, count = string.gsub(values[2] or '', '%S+', '')
  if count >= hooks.most_of_workflow or redis.call('ZCARD', rare_key.hooks(tenant)) >= hooks.most then return 'full' end
  return nil
end

-- Writes a hook, or changes one: `fields` are fields of its record and values in turn, at most a dozen of each. A new one needs
-- hook_id and scheme; without secrets it takes no delivery until it is given one.
function hooks.put(name, tenant, workflow_id, fields)
  local key = hooks.key(name)
  local revision = redis.call('HGET', key, 'revision')
  if not revision then
    redis.call('HSET', key, 'tenant', tenant, 'workflow_id', workflow_id, 'created_ms', NOW_TEXT, 'header', '', 'inputs', 'none',
      'is_active', '1', 'owner', '', 'secrets', '')
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('HSET', key, 'revision', string.format('%d', (revision or 0) + 1), 'updated_ms', NOW_TEXT)
  if revision then return end
  redis.call('ZADD', rare_key.hooks(tenant), NOW_TEXT, name)
  local record = rare_key.registered(tenant, workflow_id)
  redis.call('HSET', record, 'hooks', (redis.call('HGET', record, 'hooks') or ' ') .. name .. ' ')
end

-- Removes a hook from everything that lists it; what was delivered is known until its day is over, and means nothing to another
-- hook of that path.
function hooks.remove(name)
  local key = hooks.key(name)
  local values = redis.call('HMGET', key, 'tenant', 'workflow_id')
  if not values[1] then return end
  redis.call('UNLINK', key)
  redis.call('ZREM', rare_key.hooks(values[1]), name)
  local record = rare_key.registered(values[1], values[2])
  local listed = redis.call('HGET', record, 'hooks')
  if not listed then return end
  local left = ' '
  for each in string.gmatch(listed, '%S+') do
    if each ~= name then left = left .. each .. ' ' end
  end
  if left == ' ' then redis.call('HDEL', record, 'hooks') else redis.call('HSET', record, 'hooks', left) end
end

-- Removes every hook of a workflow.
function hooks.remove_of_workflow(tenant, workflow_id)
  local listed = redis.call('HGET', rare_key.registered(tenant, workflow_id), 'hooks')
  for name in string.gmatch(listed or '', '%S+') do
    local values = redis.call('HMGET', hooks.key(name), 'tenant', 'workflow_id')
    if values[1] == tenant and values[2] == workflow_id then hooks.remove(name) end
  end
end

-- The webhooks of a document in ARGV, from a count on: for each its name, an id for a new one, scheme, header, inputs, owner or '',
-- secrets or ''.

-- Whether a secret comes with any of them: it takes effect also where the document is the one there is.
function hooks.has_secrets(from)
  for i = 1, ARGV[from] do
    if ARGV[from + 7 * i] ~= '' then return true end
  end
  return false
end

-- The path of one that is another workflow's; nil for none.
function hooks.taken_of_document(tenant, workflow_id, from)
  for i = 0, ARGV[from] - 1 do
    local name = ARGV[from + 1 + 7 * i]
    local holder = redis.call('HMGET', hooks.key(name), 'tenant', 'workflow_id')
    if holder[1] and (holder[1] ~= tenant or holder[2] ~= workflow_id) then return string.match(name, ':(.*)$') end
  end
end

-- Makes the webhooks that a document names those of its workflow; they keep their secrets unless their scheme is another one, or
-- secrets come with the document.
function hooks.put_of_document(tenant, workflow_id, from)
  local named = {}
  for i = 0, ARGV[from] - 1 do
    local at = from + 1 + 7 * i
    local name, key = ARGV[at], hooks.key(ARGV[at])
    local before = redis.call('HMGET', key, 'scheme', 'header', 'inputs')
    named[name] = true
    local fields = {'is_declared', '1', 'scheme', ARGV[at + 2], 'header', ARGV[at + 3], 'inputs', ARGV[at + 4]}
    if not before[1] then
      fields[#fields + 1], fields[#fields + 2] = 'hook_id', ARGV[at + 1]
    end
    if ARGV[at + 5] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'owner', ARGV[at + 5] end
    if ARGV[at + 6] ~= '' or before[1] and before[1] ~= ARGV[at + 2] then
      fields[#fields + 1], fields[#fields + 2] = 'secrets', ARGV[at + 6]
    end
    local is_same = before[1] == ARGV[at + 2] and before[2] == ARGV[at + 3] and before[3] == ARGV[at + 4] and ARGV[at + 6] == ''
    if not is_same then hooks.put(name, tenant, workflow_id, fields) end
  end
  local listed = redis.call('HGET', rare_key.registered(tenant, workflow_id), 'hooks')
  for name in string.gmatch(listed or '', '%S+') do
    if not named[name] and redis.call('HGET', hooks.key(name), 'is_declared') == '1' then hooks.remove(name) end
  end
end

-- Counts a delivery by its result: accepted, duplicate (which is accepted, too), rejected, error.
-- call: id of the call that counts, so that the same call sent again does not; '' where its caller knows that it is new.
-- reason: of a refusal, a `Refusal`; else ''. There is a field for each of these, so that strangers make no record grow.
function hooks.count(name, tenant, result, call, reason)
  local key = hooks.key(name)
  if call ~= '' then
    local counted = redis.call('HGET', key, 'counted')
    if is_known_call(counted, call) then return end
    redis.call('HSET', key, 'counted', with_call(counted, call))
  end
  redis.call('HINCRBY', key, result, 1)
  if reason ~= '' then
    redis.call('HINCRBY', key, 'rejected|' .. reason, 1)
    redis.call('HSET', key, 'last_ms', NOW_TEXT, 'last_rejected_ms', NOW_TEXT, 'last_reason', reason)
  elseif result == 'error' then
    redis.call('HSET', key, 'last_ms', NOW_TEXT)
  else
    redis.call('HSET', key, 'last_ms', NOW_TEXT, 'last_accepted_ms', NOW_TEXT)
  end
  local day = rare_key.statistics(tenant, string.format('%d', math.floor(NOW / budget.DAY_MS)))
  redis.call('HINCRBY', day, 'delivery|received', 1)
  redis.call('HINCRBY', day, 'delivery|' .. result, 1)
  if result == 'duplicate' then
    redis.call('HINCRBY', key, 'accepted', 1)
    redis.call('HINCRBY', day, 'delivery|accepted', 1)
  end
  redis.call('PEXPIRE', day, budget.USAGE_KEPT_DAYS * budget.DAY_MS)
end

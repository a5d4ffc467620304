-- Registers a workflow, or changes one: its record, its version, its name, its place in the list, its schedules and
-- webhooks.
-- KEYS  1 record of the workflow
-- ARGV  2 workflow id; 3 tenant; 4 name; 5 another name where that one is taken, or ''; 6 revision to change, or '' for a new
--       workflow; 7 idempotency key or ''; 8 hash of the request; 9 id of this call; 10 definition, JSON, or '' to leave the
--       version as it is; 11 source; 12 media type; 13 how many words follow: fields of the record and values in turn; `hash`
--       names the definition, `sent` the source; then the schedules and the webhooks of the document, see include/schedules.lua and
--       include/hooks.lua
-- Reply {word, fields and values of the record in turn}  word: ok; same, there was nothing to change; replayed, the key made
--       this workflow before; conflict, the key was used for another request; taken, another workflow has the name, whose record
--       this is; stale, it has another revision by now, or is gone; path PATH, another
--       workflow has a webhook of that path. Refused whole at maxmemory.
local record, workflow_id, tenant, name = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local names, is_new = rare_key.names(tenant), ARGV[6] == ''

local function answer_with(word, id) return {word, redis.call('HGETALL', rare_key.registered(tenant, id or workflow_id))} end

local before = redis.call('HMGET', record, 'calls', 'revision', 'version', 'hash', 'sent')
-- The same call sent again, whatever came after it, and not the request made again. An id is new for each call that registers.
if is_new and before[2] or is_known_call(before[1], ARGV[9]) then return answer_with('ok') end
if is_new then
  local known = ARGV[7] ~= '' and redis.call('GET', idempotency_key(tenant, ARGV[7]))
  if known then
    local hash, made = string.match(known, '^(%S+) (%S+)$')
    return answer_with(hash == ARGV[8] and 'replayed' or 'conflict', made)
  end
  local holder = redis.call('HGET', names, name)
  if holder and ARGV[5] ~= '' then
    name = ARGV[5]
    holder = redis.call('HGET', names, name)
  end
  if holder then return answer_with('taken', holder) end
elseif before[2] ~= ARGV[6] then
  return answer_with('stale')
end

local has_document = ARGV[10] ~= ''
local given, last_field = {}, 13 + ARGV[13]
for i = 14, last_field, 2 do given[ARGV[i]] = ARGV[i + 1] end
local after_schedules = has_document and schedules.after(last_field + 1)
local has_secrets = has_document and hooks.has_secrets(after_schedules)
if not is_new then
  local is_same = not has_secrets
  for field, value in pairs(given) do is_same = is_same and redis.call('HGET', record, field) == value end
  if is_same then return answer_with('same') end
end
local taken = has_document and hooks.taken_of_document(tenant, workflow_id, after_schedules)
if taken then return {'path ' .. taken, {}} end
local version = before[3] or '0'
local is_new_version = has_document and before[4] ~= given.hash
if is_new_version then
  version = string.format('%d', version + 1)
  redis.call('HSET', rare_key.version(tenant, workflow_id, version), 'hash', given.hash, 'title', given.title, 'definition', ARGV[10],
    'source', ARGV[11], 'media_type', ARGV[12], 'created_ms', NOW_TEXT)
elseif has_document and before[5] ~= given.sent then
  -- Another text that means the same is kept as the source of the version there is.
  redis.call('HSET', rare_key.version(tenant, workflow_id, version), 'source', ARGV[11], 'media_type', ARGV[12])
end
redis.call('HSET', record, unpack(ARGV, 14, last_field))
redis.call('HSET', record, 'calls', with_call(before[1], ARGV[9]), 'revision', string.format('%d', (before[2] or 0) + 1), 'version', version,
  'updated_ms', NOW_TEXT)
if is_new then
  redis.call('HSET', record, 'workflow_id', workflow_id, 'name', name, 'created_ms', NOW_TEXT)
  redis.call('HSET', names, name, workflow_id)
  redis.call('ZADD', rare_key.registry(tenant), NOW, workflow_id)
  if ARGV[7] ~= '' then
    redis.call('SET', idempotency_key(tenant, ARGV[7]), ARGV[8] .. ' ' .. workflow_id, 'PX', 86400000)
  end
end
if is_new_version then schedules.put_of_document(tenant, workflow_id, last_field + 1) end
if is_new_version or has_secrets then hooks.put_of_document(tenant, workflow_id, after_schedules) end
return answer_with('ok')

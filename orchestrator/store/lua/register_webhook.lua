-- Makes a hook of a workflow, or changes one: its record, its place in the list and in the record of its workflow.
-- KEYS  1 record of the hook
-- ARGV  2 name, KIND:PATH; 3 tenant; 4 workflow id; 5 state to change, HOOK_ID.REVISION, or '' for a new hook; 6 idempotency
--       key or ''; 7 hash of the request; 8 id of this call; 9 salt that its secret was made of; 10 … fields of the record and
--       values in turn
-- Reply {word, name, salt, fields and values of the record in turn}  word: ok; replayed, the key made or rotated this hook
--       before, from this salt; conflict, the key was used for another request; taken, the path is another hook's; unknown,
--       there is no such workflow; full; crowded, it would have too many secrets; stale, it has another state by now, or is gone. Refused whole at maxmemory.
local record, name, tenant, workflow_id = KEYS[1], ARGV[2], ARGV[3], ARGV[4]

local function answer_with(word, of, salt)
  return {word, of or name, salt or '', redis.call('HGETALL', hooks.key(of or name))}
end

local idempotency = ARGV[6] ~= '' and idempotency_key(tenant, ARGV[6])
local before = redis.call('HMGET', record, 'calls', 'revision', 'hook_id', 'tenant')
if is_known_call(before[1], ARGV[8]) then return answer_with('ok', name, ARGV[9]) end
local known = idempotency and redis.call('GET', idempotency)
if known then
  local hash, made, hook_id, salt = string.match(known, '^(%S+) (%S+) (%S+) (%S+)$')
  if hash ~= ARGV[7] then return answer_with('conflict', made) end
  -- What has its path by now is another one.
  local is_there = redis.call('HGET', hooks.key(made), 'hook_id') == hook_id
  return is_there and answer_with('replayed', made, salt) or {'replayed', made, '', {}}
end
if ARGV[5] == '' then
  if before[2] then return answer_with('taken') end
  local refusal = hooks.refusal(name, tenant, workflow_id)
  if refusal then return {refusal, name, '', {}} end
elseif before[4] ~= tenant or before[3] .. '.' .. before[2] ~= ARGV[5] then
  return before[4] == tenant and answer_with('stale') or {'stale', name, '', {}}
end
for i = 10, #ARGV, 2 do
  local _, breaks = string.gsub(ARGV[i] == 'secrets' and ARGV[i + 1] or '', '\n', '')
  if breaks >= hooks.most_secrets then return {'crowded', name, '', {}} end
end
hooks.put(name, tenant, workflow_id, {unpack(ARGV, 10)})
redis.call('HSET', record, 'calls', with_call(before[1], ARGV[8]))
if idempotency then
  local hook_id = redis.call('HGET', record, 'hook_id')
  redis.call('SET', idempotency, table.concat({ARGV[7], name, hook_id, ARGV[9]}, ' '), 'PX', 86400000)
end
return answer_with('ok', name, ARGV[9])

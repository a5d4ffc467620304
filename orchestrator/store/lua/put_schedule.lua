-- Adds a schedule to a workflow, or changes its rule.
-- KEYS  1 record of the schedule
-- ARGV  2 schedule id; 3 tenant; 4 workflow id; 5 name; 6 another name where that one is taken, or ''; 7 revision to change, or ''
--       for a new one; 8 idempotency key or ''; 9 hash of the request; 10 id of this call; 11 … fields of the record and values
-- Reply {word, fields and values of the record in turn}  word: ok; replayed, the key made this schedule before; conflict, the key
--       was used for another request; taken, this schedule has the name; stale, it has another revision, or is gone, or its next
--       slot was calculated before one that it has started since; unknown, the workflow is gone; full, the workflow has 100 of
--       them. Refused whole at maxmemory.
local id, tenant, workflow_id, is_new = ARGV[2], ARGV[3], ARGV[4], ARGV[7] == ''

local function answer_with(word, other) return {word, redis.call('HGETALL', rare_key.schedule(tenant, other or id))} end

local before = redis.call('HMGET', KEYS[1], 'revision', 'put_call')
if before[1] and (is_new or before[2] == ARGV[10]) then return answer_with('ok') end
if is_new then
  local known = ARGV[8] ~= '' and redis.call('GET', idempotency_key(tenant, ARGV[8]))
  if known then
    local hash, made = string.match(known, '^(%S+) (%S+)$')
    return answer_with(hash == ARGV[9] and 'replayed' or 'conflict', made)
  end
  if redis.call('EXISTS', rare_key.registered(tenant, workflow_id)) == 0 then return {'unknown', {}} end
  if redis.call('ZCARD', rare_key.schedules_of(tenant, workflow_id)) >= 100 then return {'full', {}} end
elseif before[1] ~= ARGV[7] or schedules.is_late(KEYS[1], {unpack(ARGV, 11)}) then
  return answer_with('stale')
end
local holder = schedules.put(tenant, id, workflow_id, ARGV[5], ARGV[6], {unpack(ARGV, 11)})
if holder then return answer_with('taken', holder) end
redis.call('HSET', KEYS[1], 'put_call', ARGV[10])
if is_new and ARGV[8] ~= '' then
  redis.call('SET', idempotency_key(tenant, ARGV[8]), ARGV[9] .. ' ' .. id, 'PX', 86400000)
end
return answer_with('ok')

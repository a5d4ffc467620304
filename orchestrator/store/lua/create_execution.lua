-- Makes a submission visible, and starts it if the request asks for that.  (nothing) -> PENDING [-> RUNNING]
-- KEYS  1 runtime of the execution
-- ARGV  3 definition, JSON as submitted; 4 tenant; 5 idempotency key or ''; 6 hash of the request;
--       7 '1' starts it at once; 8 digest of its execution key or ''; 9 what happens while another execution that has not
--       ended holds that key: fail, use_existing, terminate_existing; 10 workflow of the registry it is of, or ''; 11 the
--       revision that this must have; 12 … the last slice, see include/slices.lua
-- Reply {word, execution id, more}  word: ok; replayed, the idempotency key made this execution before; conflict, it was
--       used for another request; taken, this execution holds the key; existing, it is to be used; moved, the
--       workflow has another revision by now, or is gone; lost, what was staged has been given up meanwhile; layout_needed, its
--       static layout is not there. After ok a fourth element names an execution that was terminated and has turns left. Refused
--       whole at maxmemory.
-- Event execution.created; of an execution that is terminated execution.cancelled
local execution_id, tenant, key, name = ARGV[2], ARGV[4], ARGV[5], ARGV[8]
if key ~= '' then
  local known = redis.call('GET', idempotency_key(tenant, key))
  if known then
    local hash, made, asker = string.match(known, '^(%S+) (%S+) ?(%S*)$')
    -- Its own id: the same call sent again, not the request made again.
    if made == execution_id then return {'ok', made, 0} end
    -- What was purged since is no answer any more.
    if redis.call('EXISTS', status_key(made)) == 1 then
      if asker == execution_id then return {'existing', made, 0} end
      return {hash == ARGV[6] and 'replayed' or 'conflict', made, 0}
    end
  end
end
if purge.is_made(execution_id) then return {'ok', execution_id, 0} end
local lacks = slices.lacks(execution_id, tenant, 12)
if lacks then return {lacks, execution_id, 0} end
if ARGV[10] ~= '' and redis.call('HGET', rare_key.registered(tenant, ARGV[10]), 'revision') ~= ARGV[11] then
  return {'moved', execution_id, 0}
end
local function remember(made)
  if key ~= '' then redis.call('SET', idempotency_key(tenant, key), ARGV[6] .. ' ' .. made, 'PX', 86400000) end
end
local left
local holder = name ~= '' and redis.call('GET', rare_key.execution_key(tenant, name))
if holder and is_live(holder) then
  if ARGV[9] == 'fail' then return {'taken', holder, 0} end
  if ARGV[9] == 'use_existing' then
    remember(holder .. ' ' .. execution_id)
    return {'existing', holder, 0}
  end
  local x = open(holder)
  left = x and replace_execution(x, execution_id) and holder
end
local x = create(execution_id, tenant, ARGV[3], 12)
if name ~= '' then redis.call('SET', rare_key.execution_key(tenant, name), execution_id) end
remember(execution_id)
if key ~= '' then note(x, 'idempotency', key) end
local replay_of, forked_from = enlist(x, tenant)
record(x, 'execution.created', '', '', replay_of and '{"replay_of":"' .. replay_of .. '"}'
  or forked_from and '{"forked_from":"' .. forked_from .. '"}' or '{}')
if ARGV[7] == '1' then
  start(x, '', '')
else
  -- The loop gives it the time that one may stay unstarted.
  redis.call('ZADD', rare_key.expiring(), NOW_TEXT, execution_id)
end
return {'ok', execution_id, x.more or 0, left or nil}

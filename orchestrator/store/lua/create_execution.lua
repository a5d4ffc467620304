-- Makes a submission visible, and starts it if the request asks for that.  (nothing) -> PENDING [-> RUNNING]
-- KEYS  1 runtime of the execution
-- ARGV  3 definition, JSON as submitted; 4 tenant; 5 idempotency key or ''; 6 hash of the request;
--       7 '1' starts it at once; 8 … the last slice, see include/slices.lua
-- Reply {word, execution id, more}  word: ok; replayed, the key made this execution before; conflict, the key was used
--       for another request. Refused whole at maxmemory.
-- Event execution.created
local execution_id, tenant, key = ARGV[2], ARGV[4], ARGV[5]
if key ~= '' then
  local known = redis.call('GET', idempotency_key(tenant, key))
  if known then
    local hash, made = string.match(known, '^(%S+) (%S+)$')
    -- Its own id: the same call sent again, not the request made again.
    if made == execution_id then return {'ok', made, 0} end
    -- What was purged since is no answer any more.
    if redis.call('EXISTS', status_key(made)) == 1 then return {hash == ARGV[6] and 'replayed' or 'conflict', made, 0} end
  end
end
if purge.is_made(execution_id) then return {'ok', execution_id, 0} end
create(execution_id, tenant, ARGV[3], 8)
if key ~= '' then
  redis.call('SET', idempotency_key(tenant, key), ARGV[6] .. ' ' .. execution_id, 'PX', 86400000)
end
local x = open(execution_id)
if key ~= '' then note(x, 'idempotency', key) end
local queues, replay_of, forked_from = fields_of(x, 'queues', 'replay_of', 'forked_from')
name_queues(queues)
record(x, 'execution.created', '', '', replay_of and '{"replay_of":"' .. replay_of .. '"}'
  or forked_from and '{"forked_from":"' .. forked_from .. '"}' or '{}')
if ARGV[7] == '1' then start(x, '') end
return {'ok', execution_id, x.more or 0}

-- Starts an execution for a delivery to a hook, once for each delivery id: the ledger, the execution and the count are one step.
-- (nothing) -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 definition, JSON as registered; 4 tenant; 5 name of the hook, KIND:PATH; 6 state of the hook by which the delivery was
--       verified, HOOK_ID.REVISION; 7 digest of the delivery's id, or '' for one without; 8 workflow id; 9 the revision that the
--       workflow must have; 10 … the last slice, see include/slices.lua
-- Reply {word, execution id, more}  word: ok; replayed, the delivery made this execution before; moved, hook, workflow or tenant
--       have another state by now; lost, what was staged has been given up meanwhile;
--       layout_needed, its static layout is not there. Refused whole at maxmemory.
-- Event execution.created, execution.started
local execution_id, tenant, name = ARGV[2], ARGV[4], ARGV[5]
local kind, path = string.match(name, '^(%a+):(.*)$')
local ledger = ARGV[7] ~= '' and rare_key.ledger(kind, path, ARGV[7])
local hook = redis.call('HMGET', hooks.key(name), 'hook_id', 'revision', 'tenant')
local hook_id, made = string.match(ledger and redis.call('GET', ledger) or '', '^(%S+) (%S+)$')
-- The same call sent again, whatever became of the hook or of the execution since.
if made == execution_id or purge.is_made(execution_id) then return {'ok', execution_id, 0} end
if hook[3] ~= tenant or hook[1] .. '.' .. hook[2] ~= ARGV[6] then return {'moved', execution_id, 0} end
local is_disabled = tenant ~= 'default' and redis.call('HGET', rare_key.tenant(tenant), 'is_active') == '0'
if is_disabled then return {'moved', execution_id, 0} end
if made and hook_id == hook[1] then
  hooks.count(name, tenant, 'duplicate', execution_id, '')
  return {'replayed', made, 0}
end
local workflow = redis.call('HMGET', rare_key.registered(tenant, ARGV[8]), 'revision', 'is_active')
if workflow[1] ~= ARGV[9] or workflow[2] ~= '1' then return {'moved', execution_id, 0} end
local lacks = slices.lacks(execution_id, tenant, 10)
if lacks then return {lacks, execution_id, 0} end
local x = create(execution_id, tenant, ARGV[3], 10)
if ledger then redis.call('SET', ledger, hook[1] .. ' ' .. execution_id, 'PX', hooks.ledger_ms) end
enlist(x, tenant)
record(x, 'execution.created', '', '', '{}')
start(x, '', '')
hooks.count(name, tenant, 'accepted', '', '')
return {'ok', execution_id, x.more or 0}

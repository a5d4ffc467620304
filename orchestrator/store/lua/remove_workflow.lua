-- flags: allow-oom
-- Removes a workflow from the registry: its record, its versions, its name, its place in the list, its schedules and hooks.
-- Executions of it go on.
-- KEYS  1 record of the workflow
-- ARGV  2 workflow id; 3 tenant; 4 revision to remove, or '' for any
-- Reply word: ok, also for one that is gone already; stale, it has another revision by now
local record, workflow_id, tenant = KEYS[1], ARGV[2], ARGV[3]
local values = redis.call('HMGET', record, 'revision', 'name', 'version')
if not values[1] then return 'ok' end
if ARGV[4] ~= '' and values[1] ~= ARGV[4] then return 'stale' end
local name, newest = values[2], tonumber(values[3])
for first = 1, newest, 500 do
  local found = {}
  for version = first, math.min(first + 499, newest) do
    found[#found + 1] = rare_key.version(tenant, workflow_id, string.format('%d', version))
  end
  redis.call('UNLINK', unpack(found, 1, math.min(#found, 500)))
end
if redis.call('HGET', rare_key.names(tenant), name) == workflow_id then redis.call('HDEL', rare_key.names(tenant), name) end
for _, id in ipairs(schedules.of_workflow(tenant, workflow_id)) do schedules.remove(tenant, id) end
hooks.remove_of_workflow(tenant, workflow_id)
redis.call('ZREM', rare_key.registry(tenant), workflow_id)
redis.call('UNLINK', record)
return 'ok'

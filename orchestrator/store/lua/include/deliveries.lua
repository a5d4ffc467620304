-- deliveries: messages about the end of an execution, each to one target. The record is written by the script that ends the
-- execution, so that no end goes without its message; workers send what is due, see orchestrator/loops/webhooks.py.
-- Of the execution, so that a purge before the first attempt takes nothing away:
--   tenant, execution_id, generation, status, ended_ms, and where it has them name, version, workflow_id, workflow_version,
--   labels, execution_key, started_ms, error, chain (how many executions, each started by the end of the one before, led to it)
-- Of the delivery:
--   target    JSON, see definitions/targets.py; never a secret
--   state     pending; delivered, failed or gone once it has ended
--   due_ms    pending: the next attempt, or the end of a claim
--   claim     id of the claim under way, '' for none
--   recorded  id of the claim that was recorded last
--   content   what is sent, fixed by the first claim: the body of the message, or the id of the execution to start
--   tries     attempts recorded since it was made, or sent again by hand: its place in the rhythm
--   attempts  attempts recorded at all;  attempt|N  the last of them, JSON
--   closed_ms when it ended;  calls, requests to send it again that were taken;  purged, '1' once its execution is gone
-- kept: deliveries of one tenant that have ended. shown: attempts of one delivery. at_once: of each, removed in one call.
local deliveries = {kept = 1000, shown = 20, at_once = 50}

do

local COPIED = {'name', 'version', 'workflow_id', 'workflow_version', 'labels', 'execution_key', 'started_ms', 'error', 'chain'}

-- Makes the deliveries of an end. x.notifies says how many targets each status has: "COMPLETED=1 FAILED=2".
function deliveries.plan(x, status)
  local count = 0
  for word, number in string.gmatch(x.notifies, '(%u+)=(%d+)') do
    if word == status then count = tonumber(number) end
  end
  if count == 0 then return end
  local tenant = tenant_of(x)
  local values = redis.call('HMGET', x.runtime, unpack(COPIED, 1, 9))
  local fields = {'tenant', tenant, 'execution_id', x.id, 'generation', x.generation, 'status', status, 'ended_ms', NOW_TEXT,
    'state', 'pending', 'due_ms', NOW_TEXT, 'claim', '', 'tries', '0', 'attempts', '0'}
  for i, name in ipairs(COPIED) do
    if values[i] then
      local last = #fields
      fields[last + 1], fields[last + 2] = name, values[i]
    end
  end
  for number = 0, count - 1 do
    local target = redis.call('HGET', x.runtime, 'target|' .. status .. '|' .. number)
    local id = x.id .. '.' .. x.generation .. '.' .. number
    if target then
      local record = rare_key.delivery(id)
      in_parts('HSET', fields, record)
      redis.call('HSET', record, 'target', target)
      redis.call('RPUSH', rare_key.deliveries_of(x.id), id)
      redis.call('ZADD', rare_key.deliveries(tenant), NOW_TEXT, id)
      redis.call('ZADD', rare_key.deliveries_due(), NOW_TEXT, id)
    end
  end
end

-- Removes a delivery and its rows.
local function remove(id, tenant, execution_id)
  redis.call('UNLINK', rare_key.delivery(id))
  redis.call('ZREM', rare_key.deliveries(tenant), id)
  redis.call('ZREM', rare_key.deliveries_ended(tenant), id)
  redis.call('ZREM', rare_key.deliveries_due(), id)
  if execution_id then redis.call('LREM', rare_key.deliveries_of(execution_id), 1, id) end
end

-- Ends a delivery. That of a purged execution goes at once; of all others the newest stay.
function deliveries.close(id, tenant, is_purged)
  if is_purged then return remove(id, tenant) end
  local ended = rare_key.deliveries_ended(tenant)
  redis.call('ZREM', rare_key.deliveries_due(), id)
  redis.call('ZADD', ended, NOW_TEXT, id)
  local surplus = math.min(redis.call('ZCARD', ended) - deliveries.kept, deliveries.at_once)
  if surplus < 1 then return end
  for _, old in ipairs(redis.call('ZRANGE', ended, 0, surplus - 1)) do
    remove(old, tenant, redis.call('HGET', rare_key.delivery(old), 'execution_id'))
  end
end

-- Removes some deliveries of a purged execution, but none that has still to be made: that goes when it has ended. Gives how
-- many there were.
function deliveries.forget_some(execution_id)
  local ids = redis.call('LPOP', rare_key.deliveries_of(execution_id), deliveries.at_once) or {}
  for _, id in ipairs(ids) do
    local values = redis.call('HMGET', rare_key.delivery(id), 'state', 'tenant')
    if values[1] == 'pending' then
      redis.call('HSET', rare_key.delivery(id), 'purged', '1')
    elseif values[1] then
      remove(id, values[2])
    end
  end
  return #ids
end

end

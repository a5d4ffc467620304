-- flags: allow-oom
-- Hides an execution whose retention is over, as `purge_execution` does, and gives another one the time it has left.
-- KEYS  1 runtime of the execution
-- ARGV  3 id of this call, new for every one; 4 … 7 how long what is COMPLETED, FAILED, CANCELLED and was never started is kept,
--       ms, - for ever; a definition may say otherwise
-- Reply {word, due}  word: ok, hidden; later, its retention is looked at again at due, Redis ms; kept, nothing purges it now
local id = ARGV[2]
if redis.call('HGET', rare_key.remains(id), 'purged_by') == ARGV[3] then return {'ok', 0} end
-- For what has no end, ms: its retention is looked at again, because settings change.
local AGAIN_MS = 30 * 86400000
if not redis.call('ZSCORE', rare_key.expiring(), id) then return {'kept', 0} end
local status = redis.call('GET', status_key(id))
local values = redis.call('HMGET', KEYS[1], 'v', 'cancelling', 'retention', 'created_ms', 'ended_ms')
if values[1] and not (tonumber(values[1]) and tonumber(values[1]) <= tonumber(LAYOUT)) then
  error({err = 'LAYOUT ' .. id .. ' has layout ' .. values[1] .. ', this library knows ' .. LAYOUT})
end
-- What goes on, has ended again since or is a child comes back by its next end, or goes with its root.
if not status or not values[1] or not may_leave('execution', 'purge_execution', status)
  or redis.call('ZSCORE', rare_key.ended(), id) or retention.parent_of(id) then
  redis.call('ZREM', rare_key.expiring(), id)
  return {'kept', 0}
end

-- When it is to go, counted from its end, or from when it was made.
local function due_of()
  local places = {COMPLETED = 1, FAILED = 2, CANCELLED = 3, PENDING = 4}
  local place, own = places[status], {}
  for word in string.gmatch(values[3] or '', '%S+') do own[#own + 1] = word end
  local kept = own[place]
  if not kept or kept == '?' then kept = ARGV[3 + place] end
  local since = tonumber(status ~= 'PENDING' and values[5] or values[4]) or NOW
  return kept ~= '-' and since + kept or NOW + AGAIN_MS
end

local due = due_of()
-- A cancel of what was never started has turns left, and ends.
if due <= NOW and status == 'PENDING' and values[2] and values[2] ~= '' then due = NOW + 60000 end
if due > NOW then
  redis.call('ZADD', rare_key.expiring(), string.format('%d', due), id)
  return {'later', string.format('%d', due)}
end
purge.hide(id, ARGV[3])
return {'ok', 0}

-- flags: allow-oom
-- Hides an execution that has ended, or was never started, from every look-up, list and key; `purge_keys` removes what is left.
-- KEYS  1 runtime of the execution
-- ARGV  3 id of this call, new for every one
-- Reply {word, text}  word: ok; child, its parent is still there and text is their root; refused, text is its status;
--       cancelling, it was not started and is being cancelled; counting, a part of it has been counted in the statistics and
--       the call is to be sent again; unknown
local id = ARGV[2]
if redis.call('HGET', rare_key.remains(id), 'purged_by') == ARGV[3] then return {'ok', ''} end
local status = redis.call('GET', status_key(id))
local values = redis.call('HMGET', KEYS[1], 'v', 'cancelling')
if not status or not values[1] then return {'unknown', ''} end
-- An older layout names its keys in the same way.
if not tonumber(values[1]) or tonumber(values[1]) > tonumber(LAYOUT) then
  error({err = 'LAYOUT ' .. id .. ' has layout ' .. values[1] .. ', this library knows ' .. LAYOUT})
end

local root = id
while retention.parent_of(root) do root = retention.parent_of(root) end
if root ~= id then return {'child', root} end
if not may_leave('execution', 'purge_execution', status) then return {'refused', status} end
if status == 'PENDING' and values[2] and values[2] ~= '' then return {'cancelling', status} end
local _, is_counted = retention.fold(id)
if not is_counted then return {'counting', ''} end
purge.hide(id, ARGV[3])
return {'ok', ''}

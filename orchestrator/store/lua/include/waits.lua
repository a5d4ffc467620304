-- waits: nodes that wait for a signal or an approval, and the lists they are found in.
-- Runtime fields of such a node, written when it parks:
--   awaits|N  name of the signal, or hash of what the people asked are shown; ask|N, all about it, JSON, opaque
--   late|N    what its time limit does: 'fail' or 'complete'; kept|N, the error or output of that
--   unless_late|N, if_late|N   branch targets left aside when the answer comes, and when it does not
--   quorum|N, given|N (approvals so far), votes|N (JSON objects, parted by commas),
--   voters|N (";DIGEST REQUEST HASH CALL WORD;…")   of an approval
-- Fields of the signals hash:
--   waits|NAME  ";NODE ATTEMPT;NODE ATTEMPT;", what waits for it now; gone when nothing does
--   queue|NAME  numbers of the signals kept, oldest first; payload|NUMBER; next, the newest number; kept, how many
--   call|KEY    "CALL HASH COUNT": a request that was taken, the hash of what it carried, nodes it was given to

local MOST_KEPT = 100
-- Nodes of one execution that may wait for the same name: one signal ends all their waits in one call, and is the output of
-- each. With 64 KiB for a payload (operations/payloads.py) that call writes 32 MiB at most.
local MOST_WAITING = 500

local function list_wait(x, node_id, attempt, on, awaits)
  if on == 'approval' then
    redis.call('ZADD', rare_key.approvals(tenant_of(x)), 'NX', NOW, lease_member(x.id, node_id, attempt))
    return
  end
  local line = redis.call('HGET', signals_key(x.id), 'waits|' .. awaits) or ';'
  local entry = node_id .. ' ' .. attempt .. ';'
  if string.find(line, ';' .. entry, 1, true) then return end
  redis.call('HSET', signals_key(x.id), 'waits|' .. awaits, line .. entry)
end

-- Takes a node that stops waiting off its list. What it waits on may be anything.
local function unlist_wait(x, node_id, attempt, on)
  if on == 'approval' then
    redis.call('ZREM', rare_key.approvals(tenant_of(x)), lease_member(x.id, node_id, attempt))
  elseif on == 'signal' then
    local field = 'waits|' .. (redis.call('HGET', x.runtime, 'awaits|' .. node_id) or '')
    local line = redis.call('HGET', signals_key(x.id), field)
    local from, to = string.find(line or '', ';' .. node_id .. ' ' .. attempt .. ';', 1, true)
    if not from then return end
    line = string.sub(line, 1, from) .. string.sub(line, to + 1)
    if line == ';' then
      redis.call('HDEL', signals_key(x.id), field)
    else
      redis.call('HSET', signals_key(x.id), field, line)
    end
  end
end

-- A node that runs again has asked nobody yet.
local function forget_ask(x, node_id)
  redis.call('HDEL', x.runtime, 'awaits|' .. node_id, 'ask|' .. node_id, 'late|' .. node_id, 'unless_late|' .. node_id,
    'if_late|' .. node_id, 'quorum|' .. node_id, 'given|' .. node_id, 'votes|' .. node_id, 'voters|' .. node_id)
end

-- A moment as people and JSON take it, UTC. The calendar begins in March, so that the leap day ends its year.
local function rfc3339(ms)
  local days, rest = math.floor(ms / 86400000) + 719468, ms % 86400000
  local era = math.floor(days / 146097)
  local day = days - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * day + 2) / 153)
  day = day - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  year = year + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

-- Whether a mapped node that waits does so for items of which some are live or not yet halted. Where it has lost what it
-- waits for, its items say.
local function is_on_items(x, node_id)
  if string.find(node_id, '[', 1, true) then return false end
  if (redis.call('HGET', x.runtime, 'waiting_on|' .. node_id) or 'map') ~= 'map' then return false end
  local values = redis.call('HMGET', items_key(x.id, node_id), 'total', 'live', 'halted')
  return values[1] and (values[2] ~= '0' or values[3] ~= '1')
end

-- manual: what the verbs of an operator on one unit have in common. Each may come at any time, so it is checked against
-- everything that may have happened meanwhile; a request is known by its key among the last of that unit.
-- ARGV: 3 unit, 4 attempt it must be at, or '', 5 request key, 6 hash of what the request carries, 7 id of this call, new for
--       every one, 8 by and reason, JSON; 9 … the verb's own.
-- Reply: {word, status, attempt, more}  word: ok; replayed, the request was taken before; conflict, its key was, for another
--        request; attempt, the unit is at another one; elsewhere, its status does not allow the verb; items, it waits for its
--        items; busy, turns are saved: drain them first; cancelling; closed, the execution is not under way and status is
--        the execution's; unknown, unknown_node
-- Runtime field  by_hand|N  the requests taken for N, ";KEY HASH CALL;…", newest last

-- Gives the execution and what is known of the unit; nil and the reply where nothing may be done.
local function check_manual(verb)
  local unit = ARGV[3]
  local whole = redis.call('GET', status_key(ARGV[2]))
  local x = whole and open(ARGV[2], {unit}, {'r|', 'node|'})
  if not x then return nil, {'unknown', '', 0, 0} end
  local facts = facts_of(x, unit)
  local status = facts and status_of(x, unit)
  if not status then return nil, {'unknown_node', '', 0, 0} end
  local attempt = state_of(x, unit).attempt
  local calls, on = fields_of(x, 'by_hand|' .. unit, 'waiting_on|' .. unit)
  local function refuse(word, found) return nil, {word, found or status, tonumber(attempt), 0} end
  for key, hash, call in string.gmatch(calls or '', '([^; ]+) ([^; ]+) ([^; ]+)') do
    if key == ARGV[5] then
      if hash ~= ARGV[6] then return refuse('conflict') end
      return nil, {call == ARGV[7] and 'ok' or 'replayed', status, tonumber(attempt), x.is_listed and 1 or 0}
    end
  end
  if not is_under_way(whole) then return refuse('closed', whole) end
  if x.cancelling then return refuse('cancelling') end
  -- A retry that is half done would set back the counters that the end of a node has raised.
  if x.is_listed then return nil, {'busy', status, tonumber(attempt), 1} end
  if not may_leave('node', verb, status) then return refuse('elsewhere') end
  if ARGV[4] ~= '' and ARGV[4] ~= attempt then return refuse('attempt') end
  if status == 'WAITING' and on == 'map' then return refuse('items') end
  return x, {unit = unit, status = status, attempt = attempt, facts = facts, on = on, calls = calls}
end

-- Remembers the request, settles what follows and gives the reply.
local function finish_manual(x, it)
  remember_call(x, 'by_hand|' .. it.unit, it.calls, table.concat({ARGV[5], ARGV[6], ARGV[7]}, ' '))
  settle(x)
  return {'ok', status_of(x, it.unit), tonumber(state_of(x, it.unit).attempt), x.more}
end

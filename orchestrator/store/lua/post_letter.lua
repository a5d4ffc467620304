-- flags: allow-oom
-- Appends a letter to the inbox of a unit, whatever its status is; a unit that waits for letters is queued.  WAITING -> QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3 unit; 4 payload, JSON; 5 request key; 6 hash of what the request carries; 7 id of this call, new for every one; 8 letters
--       of a unit that may wait
-- Reply {word, status, letter, more}  status of the execution; word: ok; replayed, the request was taken before; conflict, its key
--       was, for another letter; full; mapped, it is a mapped node, of which each item has an inbox; cancelling; terminal; unknown,
--       unknown_node
-- Event letter.received, node.queued
local status, unit = redis.call('GET', status_key(ARGV[2])), ARGV[3]
local x = status and open(ARGV[2], {unit}, {'r|', 'node|'})
if not x then return {'unknown', '', 0, 0} end
local node_id, index = item_of(unit)
local facts = node_id and facts_of(x, unit)
local is_there = facts and (not index or facts.map
  and tonumber(index) < tonumber(redis.call('HGET', items_key(x.id, node_id), 'total') or 0))
if not is_there then return {'unknown_node', status, 0, 0} end
if facts.map and not index then return {'mapped', status, 0, 0} end
local key, call_field = rare_key.inbox(x.id), unit .. '|call|' .. ARGV[5]
local known = redis.call('HGET', key, call_field)
if known then
  local call, hash, number = string.match(known, '^(%S+) (%S+) (%d+)$')
  if hash ~= ARGV[6] then return {'conflict', status, 0, 0} end
  return {call == ARGV[7] and 'ok' or 'replayed', status, tonumber(number), x.is_listed and 1 or 0}
end
if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0, 0} end
if x.cancelling then return {'cancelling', status, 0, 0} end
local last, taken = inbox.numbers(x, unit)
if last - taken >= tonumber(ARGV[8]) then return {'full', status, 0, 0} end
local letter = string.format('%d', last + 1)
redis.call('HSET', key, unit .. '|' .. letter, ARGV[4], unit .. '|last', letter,
  call_field, ARGV[7] .. ' ' .. ARGV[6] .. ' ' .. letter)
-- A unit that runs hears of it by the message about this event.
record(x, 'letter.received', unit, state_of(x, unit).attempt, '{"letter":' .. letter .. '}')
if may_leave('node', 'post_letter', status_of(x, unit)) and redis.call('HGET', x.runtime, 'waiting_on|' .. unit) == 'inbox' then
  inbox.wake(x, unit, taken + 1)
  settle(x)
end
return {'ok', redis.call('GET', status_key(x.id)), last + 1, x.more or 0}

-- flags: allow-oom
-- Delivers a signal to the nodes that wait for its name, or keeps it for a later wait.  WAITING -> COMPLETED
-- KEYS  1 runtime of the execution
-- ARGV  3 name; 4 payload, JSON; 5 request key; 6 hash of what the request carries; 7 id of this call, new for every one;
--       8 nodes that wait for the name, as the caller read them: it has checked the payload against their schemas
-- Reply {word, status, nodes, more}  word: ok; replayed, the request was taken before; conflict, its key was, for another
--       signal; moved, others wait by now; full, as many are kept as may be; cancelling; terminal; unknown
-- Event signal.received, node.completed
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', '', 0, 0} end
local key, name = signals_key(x.id), ARGV[3]
local known = redis.call('HMGET', key, 'call|' .. ARGV[5], 'waits|' .. name, 'kept')
if known[1] then
  local call, hash, count = string.match(known[1], '^(%S+) (%S+) (%d+)$')
  if hash ~= ARGV[6] then return {'conflict', status, 0, 0} end
  return {call == ARGV[7] and 'ok' or 'replayed', status, tonumber(count), x.is_listed and 1 or 0}
end
if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0, 0} end
if x.cancelling then return {'cancelling', status, 0, 0} end
if (known[2] or '') ~= ARGV[8] then return {'moved', status, 0, 0} end
local waiting = {}
for id, attempt in string.gmatch(known[2] or '', '([^; ]+) (%d+);') do
  local on, awaits = fields_of(x, 'waiting_on|' .. id, 'awaits|' .. id)
  if may_leave('node', 'signal_execution', status_of(x, id)) and state_of(x, id).attempt == attempt
    and on == 'signal' and awaits == name then
    waiting[#waiting + 1] = {id, attempt}
  end
end
if #waiting == 0 and tonumber(known[3] or 0) >= MOST_KEPT then return {'full', status, 0, 0} end
redis.call('HSET', key, 'call|' .. ARGV[5], ARGV[7] .. ' ' .. ARGV[6] .. ' ' .. #waiting)
record(x, 'signal.received', '', '', '{"signal":"' .. name .. '","nodes":' .. #waiting .. '}')
for _, wait in ipairs(waiting) do
  end_wait(x, wait[1], wait[2], 'signal', ARGV[4], '{"signal":"' .. name .. '"}')
end
if #waiting == 0 then
  local number = redis.call('HINCRBY', key, 'next', 1)
  local queue = redis.call('HGET', key, 'queue|' .. name)
  redis.call('HINCRBY', key, 'kept', 1)
  redis.call('HSET', key, 'payload|' .. number, ARGV[4], 'queue|' .. name, queue and queue .. ' ' .. number or number)
else
  settle(x)
end
return {'ok', redis.call('GET', status_key(x.id)), #waiting, x.more or 0}

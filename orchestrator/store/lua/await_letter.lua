-- flags: allow-oom
-- Parks a unit of a durable handler until a letter comes or its timer fires; with a letter there it is queued at once. Neither is
-- charged as a try.  RUNNING -> WAITING | QUEUED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 when its timer fires, Redis ms, or ''; 15 what it waits for, JSON
-- Event node.waiting, node.queued
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local unit, attempt = ARGV[3], ARGV[4]
uncharge(x, unit)
local last, taken = inbox.numbers(x, unit)
if is_ending(x, unit) then
  end_node(x, unit, 'CANCELLED', 'cancelled', 'node.cancelled', attempt, quoted('cancelled'))
elseif last > taken then
  queue_node(x, unit, 'RUNNING', facts, inbox.cause(taken + 1))
else
  local due_ms, data = ARGV[14], '{"waiting_on":"inbox","waits_for":' .. ARGV[15]
  redis.call('HSET', x.runtime, 'waiting_on|' .. unit, 'inbox', 'waits_for|' .. unit, ARGV[15])
  if due_ms ~= '' then
    redis.call('HSET', x.runtime, 'due_ms|' .. unit, due_ms)
    redis.call('ZADD', timers_key(), due_ms, timer_member('inbox', x.id, unit, attempt))
    data = data .. ',"due_ms":' .. due_ms
  end
  move(x, unit, 'WAITING')
  record(x, 'node.waiting', unit, attempt, data .. '}')
end
settle(x)
return answer('ok', x.more)

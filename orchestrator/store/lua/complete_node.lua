-- flags: allow-oom
-- Stores an attempt's output and queues the nodes that became ready.  RUNNING -> COMPLETED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 output, JSON; 15 ids of branch targets not taken, space separated; 16, or left out: number
--       of a typed event that has to be in the history
-- Reply as there, and 'unreported' where that event is not: the worker must then end the attempt with another verb
-- Event node.completed
if ARGV[16] then
  local it = open(ARGV[2], {ARGV[3]}, ENDING)
  if it and is_current(it, ARGV[3], ARGV[4], ARGV[5]) then
    local of_attempt, newest = string.match(fields_of(it, 'reported|' .. ARGV[3]) or '', '^(%d+):(%d+)$')
    if of_attempt ~= ARGV[4] or tonumber(newest) < tonumber(ARGV[16]) then return answer('unreported', 0) end
  end
end
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id = ARGV[3]
put_output(x, node_id, ARGV[14])
if ARGV[15] ~= '' then redis.call('HSET', x.runtime, 'rejects|' .. node_id, ARGV[15]) end
end_node(x, node_id, 'COMPLETED', '', 'node.completed', ARGV[4], '{}')
settle(x)
return answer('ok', x.more)

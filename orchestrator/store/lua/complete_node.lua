-- flags: allow-oom
-- Stores an attempt's output and queues the nodes that became ready.  RUNNING -> COMPLETED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 output, JSON; 15 ids of branch targets not taken, space separated
-- Event node.completed
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id = ARGV[3]
put_output(x, node_id, ARGV[14])
if ARGV[15] ~= '' then redis.call('HSET', x.runtime, 'rejects|' .. node_id, ARGV[15]) end
end_node(x, node_id, 'COMPLETED', '', 'node.completed', ARGV[4], '{}')
settle(x)
return answer('ok', x.more)

-- flags: allow-oom
-- Parks a node until a timer fires; the output given here becomes the node's output then.  RUNNING -> WAITING
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 waiting on, word; 15 delay, ms, or '' when 16 is given; 16 due, Redis ms; 17 output, JSON
-- Event node.waiting
local due_ms = ARGV[15] ~= '' and NOW + tonumber(ARGV[15]) or tonumber(ARGV[16])
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
local node_id = ARGV[3]
redis.call('HSET', x.runtime, 'kept|' .. node_id, ARGV[17])
park_node(x, node_id, ARGV[4], ARGV[14], due_ms, 'node.waiting',
  '{"waiting_on":"' .. ARGV[14] .. '","due_ms":' .. string.format('%d', due_ms) .. '}')
settle(x)
return answer('ok', x.more)

-- flags: allow-oom
-- Parks a node until a timer fires; the output given here becomes the node's output then.  RUNNING -> WAITING
-- KEYS  1 runtime of the execution
-- ARGV  3-12 see include/attempt.lua; 13 waiting on, word; 14 delay, ms, or '' when 15 is given; 15 due, Redis ms; 16 output, JSON
-- Event node.waiting
local due_ms = ARGV[14] ~= '' and NOW + tonumber(ARGV[14]) or tonumber(ARGV[15])
local x, facts = leave_attempt('wait_node')
if not x then return answer(facts, 0) end
local node_id = ARGV[3]
redis.call('HSET', x.runtime, 'kept|' .. node_id, ARGV[16])
park_node(x, node_id, ARGV[4], ARGV[13], due_ms, 'node.waiting',
  '{"waiting_on":"' .. ARGV[13] .. '","due_ms":' .. string.format('%d', due_ms) .. '}')
settle(x)
return answer('ok', x.more)

-- flags: allow-oom
-- Resumes a paused execution: held units are queued in order, due timers fire, and nodes that wait for an operator
-- get all their tries again.  PAUSED -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 by, JSON; 4 reason, JSON; 5 request key; 6 tokens and 7 nanos its calls may use from now on, '-' as before; 8 the same
--       as JSON, or ''
-- Reply {word, status, more}  word: ok; already, the same request was taken before or the execution is running; busy, turns
--       are saved: drain them first; cancelling; refused, its status does not allow it; unknown
-- Event execution.resumed
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', '', 0} end
local calls = fields_of(x, 'pause_calls')
if is_known_call(calls, ARGV[5]) or status == 'RUNNING' then return {'already', status, x.is_listed and 1 or 0} end
if not may_leave('execution', 'resume_execution', status) then return {'refused', status, 0} end
if x.cancelling then return {'cancelling', status, 0} end
if x.is_listed then return {'busy', status, 1} end
remember_call(x, 'pause_calls', calls, ARGV[5])
local count, pause = redis.call('LLEN', held_units_key(x.id)), x.paused or redis.call('HGET', x.runtime, 'pauses') or '0'
x.paused = nil
redis.call('HSET', x.runtime, 'paused', '')
redis.call('HDEL', x.runtime, 'paused_by', 'paused_reason', 'paused_ms')
set_status(x, 'RUNNING')
local told = ''
if ARGV[8] ~= '' then
  budget.change(x, ARGV[6], ARGV[7])
  told = ',"budget":' .. ARGV[8]
end
record(x, 'execution.resumed', '', '',
  '{"by":' .. ARGV[3] .. ',"reason":' .. ARGV[4] .. ',"held":' .. count .. told .. '}')
if count > 0 then push(x, 'held ' .. count .. ' ' .. pause) end
settle(x)
return {'ok', redis.call('GET', status_key(x.id)), x.more}

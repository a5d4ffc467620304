-- flags: allow-oom
-- Pauses an execution: nothing more starts until it is resumed. Running attempts go on, and their ends are recorded; queued
-- tasks are held when workers read them.  RUNNING -> PAUSED
-- KEYS  1 runtime of the execution
-- ARGV  3 by, JSON; 4 reason, JSON; 5 request key
-- Reply {word, status}  word: ok; already, the same request was taken before or the execution is paused; busy, turns are
--       saved: drain them first; cancelling; refused, its status does not allow it; unknown
-- Event execution.paused
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', ''} end
local calls = fields_of(x, 'pause_calls')
if is_known_call(calls, ARGV[5]) or status == 'PAUSED' then return {'already', status} end
if not may_leave('execution', 'pause_execution', status) then return {'refused', status} end
if x.cancelling then return {'cancelling', status} end
if x.is_listed then return {'busy', status} end
remember_call(x, 'pause_calls', calls, ARGV[5])
begin_pause(x, ARGV[3], ARGV[4])
return {'ok', 'PAUSED'}

-- flags: allow-oom
-- Cancels what has not started, and gives what runs a period of grace.  PENDING, RUNNING -> CANCELLED, once nothing runs
-- KEYS  1 runtime of the execution
-- ARGV  3 reason, JSON string; 4 grace, ms; 5 request id
-- Reply {word, status, more}  word: ok; already, the same request or another was accepted before; terminal; unknown
-- Event execution.cancelled, when the last node has ended
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2], 'cancel_request')
if not x then return {'unknown', '', 0} end
local more = x.is_listed and 1 or 0
if x.fields[1] == ARGV[5] then return {'already', status, more} end
if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0} end
if x.cancelling == 'user' or x.cancelling == 'timeout' then return {'already', status, more} end
request_cancel(x, ARGV[3], ARGV[5], NOW + ARGV[4])
settle(x)
return {'ok', redis.call('GET', status_key(x.id)), x.more}

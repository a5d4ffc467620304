-- flags: allow-oom
-- Cancels every node that does not run, and gives running attempts a period of grace.
-- PENDING, RUNNING, PAUSED -> CANCELLED, once nothing runs
-- Of several requests, the earliest end of grace counts, and the first reason stays.
-- KEYS  1 runtime of the execution
-- ARGV  3 reason, JSON string; 4 grace, ms; 5 request id
-- Reply {word, status, more}  word: ok; already, the same request or another was accepted before; terminal; unknown
-- Event execution.cancelled, when the last node has ended
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', '', 0} end
local first_request, hastened, grace_ms = fields_of(x, 'cancel_request', 'cancel_hastened', 'grace_ms')
local more = x.is_listed and 1 or 0
if first_request == ARGV[5] or hastened == ARGV[5] then return {'already', status, more} end
if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0} end
if x.cancelling == 'timeout' then return {'already', status, more} end
if x.cancelling == 'user' then
  if NOW + ARGV[4] >= tonumber(grace_ms or 0) then return {'already', status, more} end
  redis.call('HSET', x.runtime, 'cancel_hastened', ARGV[5])
  grant_grace(x, NOW + ARGV[4])
  settle(x)
  return {'already', redis.call('GET', status_key(x.id)), x.more}
end
request_cancel(x, ARGV[3], ARGV[5], NOW + ARGV[4])
settle(x)
return {'ok', redis.call('GET', status_key(x.id)), x.more}

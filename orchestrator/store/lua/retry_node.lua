-- flags: allow-oom
-- Parks a failed attempt until its back-off ends; fails the node if its schedule_to_close_timeout passes before that.
-- The work is `park_retry` in include/retries.lua.  RUNNING -> WAITING | FAILED
-- KEYS  1 runtime of the execution
-- ARGV  3-13 see include/attempt.lua; 14 error, JSON; 15 delay, ms; 16 tries counted by each retry rule, or '';
--       17 the successor that takes over by its catch if its time is up, or ''
-- Event node.retrying, node.failed
local x, facts = leave_attempt()
if not x then return answer(facts, 0) end
-- The next try is one of the child's as well; a mapped node goes on with the items it has.
local _, index = item_of(ARGV[3])
if facts.child and (index or not facts.map) then redis.call('HDEL', x.runtime, 'resume|' .. ARGV[3]) end
park_retry(x, ARGV[3], ARGV[4], facts, ARGV[15], ARGV[14], ARGV[16], ARGV[17])
settle(x)
return answer('ok', x.more)

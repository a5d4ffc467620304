-- flags: allow-oom
-- Removes a schedule; what it has started goes on.
-- KEYS  1 record of the schedule
-- ARGV  2 schedule id; 3 tenant; 4 revision to remove, or '' for any
-- Reply word: ok, also for one that is gone already; stale, it has another revision by now
local revision = redis.call('HGET', KEYS[1], 'revision')
if not revision then return 'ok' end
if ARGV[4] ~= '' and revision ~= ARGV[4] then return 'stale' end
schedules.remove(ARGV[3], ARGV[2])
return 'ok'

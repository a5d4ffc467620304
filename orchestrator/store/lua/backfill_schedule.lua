-- Has slots of the past started, so many at a time; or has that stopped.
-- KEYS  1 record of the schedule
-- ARGV  2 schedule id; 3 tenant; 4 id of this call; 5 first slot, ms, or '' to stop; 6 end, ms; 7 how many run at a time
-- Reply word: ok; busy, a backfill is under way; idle, there is none to stop; unknown
local s = schedules.open(ARGV[3], ARGV[2])
if not s then return 'unknown' end
local answered = schedules.answer_before(s, ARGV[4])
if answered then return answered end
-- The same call, whatever came after it.
if ARGV[5] ~= '' and redis.call('HGET', s.key, 'backfill_id') == ARGV[4] then return 'ok' end
if ARGV[5] ~= '' and s.backfill_next ~= '' then return 'busy' end
if ARGV[5] == '' and s.backfill_next == '' then return 'idle' end
s.backfill_next = ARGV[5]
if ARGV[5] ~= '' then
  s.backfill_most = ARGV[7]
  redis.call('HSET', s.key, 'backfill_id', ARGV[4], 'backfill_end', ARGV[6], 'backfill_most', ARGV[7], 'backfill_runs', 0,
    'backfill_first', ARGV[5])
end
schedules.save(s, ARGV[4], 'ok')
return 'ok'

-- flags: allow-oom
-- Pauses a schedule, or lets it go on. Slots of the time in between are let go; what waits for an execution goes on waiting.
-- KEYS  1 record of the schedule
-- ARGV  2 schedule id; 3 tenant; 4 turn of the schedule that was read; 5 id of this call; 6 '1' pauses it, '0' lets it go on; 7 who,
--       8 why, texts or ''; 9 the slot that comes next, or ''; 10 when it is due, or ''
-- Reply word: ok; already; stale, it has changed since it was read; unknown
local s = schedules.open(ARGV[3], ARGV[2])
if not s then return 'unknown' end
local answered = schedules.answer_before(s, ARGV[5])
if answered then return answered end
if s.is_paused == ARGV[6] then return 'already' end
if s.turn ~= ARGV[4] then return 'stale' end
-- Failures before it goes on do not pause it again.
if ARGV[6] == '0' then schedules.look(s) end
s.is_paused, s.next_ms, s.due_ms = ARGV[6], ARGV[9], ARGV[10]
if ARGV[6] == '1' then
  redis.call('HSET', s.key, 'paused_ms', NOW_TEXT, 'paused_by', ARGV[7], 'paused_reason', ARGV[8])
else
  redis.call('HDEL', s.key, 'paused_ms', 'paused_by', 'paused_reason')
end
redis.call('HINCRBY', s.key, 'revision', 1)
redis.call('HSET', s.key, 'updated_ms', NOW_TEXT)
schedules.save(s, ARGV[5], 'ok')
return 'ok'

-- flags: allow-oom
-- Lets slots of a schedule go, or looks at the executions it has started: what has ended makes room for what waits.
-- KEYS  1 record of the schedule
-- ARGV  2 schedule id; 3 tenant; 4 turn of the schedule that was read; 5 id of this call; 6 kind: slot, buffered or backfill, what is
--       let go; '' for nothing; 7 the slot that comes next, or ''; 8 when it is due, or ''; 9 how many are let go as missed; 10 why no
--       execution could be started, or ''
-- Reply word: ok; paused, an execution of it has failed; stale, it has been dealt with; unknown
local s = schedules.open(ARGV[3], ARGV[2])
if not s then return 'unknown' end
local answered = schedules.answer_before(s, ARGV[5])
if answered then return answered end
if s.turn ~= ARGV[4] then return 'stale' end
if schedules.look(s) then
  schedules.save(s, ARGV[5], 'paused')
  return 'paused'
end
if ARGV[6] == 'slot' then
  s.next_ms, s.due_ms = ARGV[7], ARGV[8]
elseif ARGV[6] == 'buffered' then
  table.remove(s.buffer, 1)
elseif ARGV[6] == 'backfill' then
  s.backfill_next = ARGV[7]
end
if ARGV[9] ~= '0' then redis.call('HINCRBY', s.key, 'missed', ARGV[9]) end
if ARGV[10] ~= '' then
  redis.call('HINCRBY', s.key, 'failed', 1)
  redis.call('HSET', s.key, 'last_error', ARGV[10], 'last_error_ms', NOW_TEXT)
end
schedules.save(s, ARGV[5], 'ok')
return 'ok'

-- flags: allow-oom
-- Counts one request of a subject against a rate: so many in each window of time. One that is refused is not counted.
-- KEYS  1 what this subject has taken
-- ARGV  2 '', 3 how many a window has, 4 length of a window, ms, 5 id of this call
-- Reply {word, how many are left, now, when the next window begins, both ms}  word: ok, refused
local most, window_ms = tonumber(ARGV[3]), tonumber(ARGV[4])
local start_ms = NOW - NOW % window_ms
local values = redis.call('HMGET', KEYS[1], 'start_ms', 'taken', 'calls')
local start = string.format('%d', start_ms)
local is_same = values[1] == start
local taken = is_same and tonumber(values[2]) or 0
local calls = is_same and values[3] or nil
local word = 'ok'
if not is_known_call(calls, ARGV[5]) then
  if taken < most then
    taken = taken + 1
    redis.call('HSET', KEYS[1], 'start_ms', start, 'taken', string.format('%d', taken), 'calls', with_call(calls, ARGV[5]))
    redis.call('PEXPIRE', KEYS[1], window_ms)
  else
    word = 'refused'
  end
end
return {word, math.max(most - taken, 0), NOW, start_ms + window_ms}

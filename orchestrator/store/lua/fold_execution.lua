-- flags: allow-oom
-- Adds an execution that has ended to the statistics of its day, a part in a call; see include/retention.lua.
-- KEYS  1 runtime of the execution
-- ARGV  2 execution id
-- Reply {word, more}  word: ok; more: 1 while it is not counted
local _, is_counted = retention.fold(ARGV[2])
return {'ok', is_counted and 0 or 1}

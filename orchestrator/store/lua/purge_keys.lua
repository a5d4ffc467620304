-- flags: allow-oom
-- Removes a part of what is left of an execution that was hidden, and of its children; see include/purge.lua.
-- KEYS  1 runtime of the execution, as it was
-- ARGV  2 execution id
-- Reply {word, more}  word: ok; more: 1 while something is left
local MOST = 500
local is_done = false
while SPENT < MOST and not is_done do
  local touched
  touched, is_done = purge.remove_some(ARGV[2])
  SPENT = SPENT + 1 + touched
end
return {'ok', is_done and 0 or 1}

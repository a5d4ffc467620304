-- flags: allow-oom
-- Makes several calls one after the other, as if they had come together: what they write goes out once, at the end. For the
-- ends of a worker's attempts and what is reported before them; only the last may claim tasks.
-- KEYS  1 … that of each call, in order
-- ARGV  3 … for each call its function, the number of its arguments, and these, from its ARGV[2] on
-- Reply that of each call; an error in place of one that fails
local keys, arguments, replies, at = KEYS, ARGV, {}, 3
READY = {}
for i = 1, #keys do
  local body, last = BODIES[arguments[at]], at + 1 + arguments[at + 1]
  KEYS, ARGV = {keys[i]}, {arguments[1]}
  for j = at + 2, last do ARGV[j - at] = arguments[j] end
  local is_done, reply = pcall(body)
  replies[i] = is_done and reply or as_error(reply)
  at = last + 1
end
post_ready()
return replies

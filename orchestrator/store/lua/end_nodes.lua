-- flags: allow-oom
-- Makes several calls one after the other, as if they had come together: what they write goes out once, at the end. For the
-- ends of a worker's attempts and what is reported before them; only the last may claim tasks.
-- KEYS  1 … that of each call, in order
-- ARGV  3 … for each call its function, the number of its arguments, and these, from its ARGV[2] on
-- Reply that of each call; an error in place of one that fails, which takes back what it was about to write
local keys, arguments, replies, at = KEYS, ARGV, {}, 3
READY = {}
for i = 1, #keys do
  local body, last = BODIES[arguments[at]], at + 1 + arguments[at + 1]
  local mark, ready = mark_writes(), #READY
  KEYS, ARGV = {keys[i]}, {arguments[1]}
  for j = at + 2, last do ARGV[j - at] = arguments[j] end
  local is_done, reply = pcall(body)
  if not is_done then
    take_back(mark)
    for j = #READY, ready + 1, -1 do READY[j] = nil end
    reply = type(reply) == 'table' and reply or redis.error_reply(reply)
  end
  replies[i], at = reply, last + 1
end
post_ready(1)
return replies

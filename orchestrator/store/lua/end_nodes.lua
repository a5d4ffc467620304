-- flags: allow-oom
-- Makes several calls one after the other, as if they had come together: what they write goes out once, at the end. For the
-- ends of a worker's attempts and what is reported before them; only the last may claim tasks.
-- KEYS  1 … that of each call, in order
-- ARGV  3 … for each call its function, the number of its arguments, and these, from its ARGV[2] on
-- Reply that of each call; an error in place of one that fails
local keys, arguments, replies, at = KEYS, ARGV, {}, 3
READY = {}

-- Reads ahead, in one command for each execution, what the ends look at first.
local units, position = {}, 3
for i = 1, #keys do
  local execution_id, unit = arguments[position + 2], arguments[position + 3]
  local of = units[execution_id] or {}
  units[execution_id], of[#of + 1], position = of, unit, position + 2 + arguments[position + 1]
end
for execution_id, of in pairs(units) do
  -- What is damaged is met again by whoever ends it.
  if of[2] then pcall(open, execution_id, of, ENDING) end
end

for i = 1, #keys do
  local body, last = BODIES[arguments[at]], at + 1 + arguments[at + 1]
  KEYS = {keys[i]}
  if last - at < 1000 then
    ARGV = {arguments[1], unpack(arguments, at + 2, last)}
  else
    ARGV = {arguments[1]}
    for j = at + 2, last do ARGV[j - at] = arguments[j] end
  end
  local is_done, reply = pcall(body)
  replies[i] = is_done and reply or as_error(reply)
  at = last + 1
end
post_ready()
return replies

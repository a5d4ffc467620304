-- flags: allow-oom
-- Removes consumers without a worker from a task stream's group. One with pending entries stays: deleting it
-- would delete them, and no reader would ever see them again. Check and deletion are one script for that reason.
-- KEYS  1 the task stream
-- ARGV  2 '', 3 idle time after which a consumer counts as gone, ms
-- Reply 'ok'
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], GROUP)
if consumers.err then return 'ok' end
for _, row in ipairs(consumers) do
  local facts = {}
  for i = 1, #row, 2 do facts[row[i]] = row[i + 1] end
  if facts.pending == 0 and facts.idle > tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], GROUP, facts.name)
  end
end
return 'ok'

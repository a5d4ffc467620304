-- flags: allow-oom
-- Records that timers and leases are checked now. After a gap of more than half a lease, workers may have been unable to renew
-- too, so no lease expires for the length of one: a restart must not reap healthy work.
-- KEYS  1 the tick key
-- ARGV  2 '', 3 lease, ms, 4 '' or an age in ms: stamp only when the last stamp is older (how workers stand in),
--       5 1 from an orchestrator, 0 from a worker that stands in
-- Reply {now, hold until, stamped}  ms, ms, 1 or 0
local last = tonumber(redis.call('GET', KEYS[1]) or '')
local hold = tonumber(redis.call('GET', rare_key.hold()) or '') or 0
if ARGV[4] ~= '' and last and NOW - last <= tonumber(ARGV[4]) then return {NOW, hold, 0} end
if last and NOW - last > tonumber(ARGV[3]) / 2 then
  hold = NOW + tonumber(ARGV[3])
  redis.call('SET', rare_key.hold(), hold, 'PX', ARGV[3])
end
redis.call('SET', KEYS[1], NOW)
if ARGV[5] == '1' then redis.call('SET', rare_key.orchestrated(), NOW) end
return {NOW, hold, 1}

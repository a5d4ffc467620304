-- flags: allow-oom
-- Counts a delivery that starts nothing: one that is refused, that is wrong, or that came before.
-- KEYS  1 record of the hook
-- ARGV  2 name, KIND:PATH; 3 result: rejected, error, duplicate; 4 id of this call; 5 why it is refused, or ''
-- Reply word: ok; unknown, there is no such hook, and nothing is counted
local tenant = redis.call('HGET', KEYS[1], 'tenant')
if not tenant then return 'unknown' end
hooks.count(ARGV[2], tenant, ARGV[3], ARGV[4], ARGV[5])
return 'ok'

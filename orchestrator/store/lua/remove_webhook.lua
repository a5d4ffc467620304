-- flags: allow-oom
-- Removes a hook: its path is unknown from now on.
-- KEYS  1 record of the hook
-- ARGV  2 name, KIND:PATH; 3 tenant; 4 state to remove, HOOK_ID.REVISION, or '' for any
-- Reply word: ok, also for one that is gone already; stale, it has another state by now
local values = redis.call('HMGET', KEYS[1], 'tenant', 'hook_id', 'revision')
if values[1] ~= ARGV[3] then return 'ok' end
if ARGV[4] ~= '' and values[2] .. '.' .. values[3] ~= ARGV[4] then return 'stale' end
hooks.remove(ARGV[2])
return 'ok'

-- Writes one slice of a large submission; purged after ten minutes unless create_execution makes it visible.
-- KEYS  1 runtime of the execution
-- ARGV  3 tenant; 4 … see include/slices.lua
-- Reply ok; also when the execution is visible already, or is being purged: such a late copy of a call writes nothing;
--       layout_needed, its static layout is not there. Refused whole at maxmemory.
if purge.is_made(ARGV[2]) then return 'ok' end
if not slices.stage(ARGV[2], ARGV[3], 4) then return 'layout_needed' end
redis.call('ZADD', rare_key.staging(), 'NX', NOW, ARGV[2])
return 'ok'

-- Writes one slice of a large submission; purged after ten minutes unless create_execution makes it visible.
-- KEYS  1 runtime of the execution
-- ARGV  3 … see include/slices.lua
-- Reply 'ok'; also when the execution is visible already: such a late copy of a call writes nothing. Refused whole at
--       maxmemory.
if redis.call('EXISTS', status_key(ARGV[2])) == 1 then return 'ok' end
redis.call('ZADD', staging_key(), 'NX', NOW, ARGV[2])
write_chunk(ARGV[2], 3)
return 'ok'

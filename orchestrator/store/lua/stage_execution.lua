-- Writes one slice of a large submission; purged after ten minutes unless create_execution makes it visible.
-- KEYS  1 runtime of the execution
-- ARGV  3 … see include/slices.lua
-- Reply 'ok'; also when it is visible already, and nothing is written. Refused whole at maxmemory.
-- (Such a copy was long on its way; what it staged has gone on meanwhile.)
if redis.call('EXISTS', status_key(ARGV[2])) == 1 then return 'ok' end
redis.call('ZADD', staging_key(), 'NX', NOW, ARGV[2])
write_chunk(ARGV[2], 3)
return 'ok'

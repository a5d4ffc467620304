-- Writes one slice of a large submission; purged after ten minutes unless create_execution makes it visible.
-- KEYS  1 runtime of the execution
-- ARGV  3 … see include/chunk.lua
-- Reply 'ok'. Refused whole at maxmemory.
redis.call('ZADD', staging_key(), 'NX', NOW, ARGV[2])
write_chunk(ARGV[2], 3)
return 'ok'

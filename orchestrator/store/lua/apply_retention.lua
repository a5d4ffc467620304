-- flags: allow-oom
-- Says which retention all that waits for its purge has been looked at with, so that it is done again only when that changes.
-- KEYS  1 the record of it
-- ARGV  2 '', 3 … 6 the retention, as expire_execution takes it
-- Reply word: ok
redis.call('SET', KEYS[1], table.concat({ARGV[3], ARGV[4], ARGV[5], ARGV[6]}, ' '))
return 'ok'

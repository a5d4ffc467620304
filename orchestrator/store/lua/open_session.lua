-- Opens a browser's session, which stands for an API key as long as that is good.
-- KEYS  1 the session
-- ARGV  2 '', 3 what it stands for, 4 ms for which it lasts
-- Reply word: ok
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 'ok'

-- flags: allow-oom
-- Closes a browser's session.
-- KEYS  1 the session
-- ARGV  2 ''
-- Reply word: ok, unknown
return redis.call('DEL', KEYS[1]) == 1 and 'ok' or 'unknown'

-- flags: allow-oom
-- Keeps the cards of the handlers that workers have loaded, for those that do not load them.
-- KEYS  1 the cards, named by their digest
-- ARGV  2 '', 3 the cards, JSON
-- Reply ok
redis.call('SET', KEYS[1], ARGV[3], 'PX', 3600000)
return 'ok'

-- Writes a part of a static layout that is too large to come with the execution that needs it.
-- KEYS  1 the layout
-- ARGV  3 tenant; 4 digest; 5 count of all its fields, with the last part, or 0; 6 what it then is: 1 as its digest says; rebuilt, made
--       again of a definition and not the same; then fields and values in pairs to the end
-- Reply ok; lost, parts written before are not there any more. Refused whole at maxmemory.
-- Equal digests, equal content: there is nothing to add.
if layouts.is_there(ARGV[3], ARGV[4]) then return 'ok' end
layouts.write(ARGV[3], ARGV[4], 7, #ARGV)
if ARGV[5] == '0' then return 'ok' end
if redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], 'whole') ~= tonumber(ARGV[5]) then return 'lost' end
redis.call('HSET', KEYS[1], 'whole', ARGV[6])
return 'ok'

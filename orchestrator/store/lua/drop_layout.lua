-- flags: allow-oom
-- Removes a static layout that no execution has pointed to for a while.
-- KEYS  1 the layout
-- ARGV  3 tenant; 4 digest; 5 how long it must have had no execution, ms
-- Reply ok; kept, it has one by now, or has had one more lately
return layouts.drop(ARGV[3], ARGV[4], tonumber(ARGV[5])) and 'ok' or 'kept'

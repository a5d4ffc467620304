-- flags: allow-oom
-- Puts a snapshot in place of the entries of a journal up to one of them; these are removed, a bounded number in a call.
-- KEYS  1 runtime of the execution
-- ARGV  3 unit, 4 attempt, 5 nonce; 6 number of the entry up to which it stands for all; 7 data, JSON
-- Reply {word, more}  word: ok, also where a later entry is stood for already; fenced; gap, there is no such entry. more: entries are
--       left to be removed, and the same call goes on
local unit, through, data = ARGV[3], tonumber(ARGV[6]), ARGV[7]
local x = open(ARGV[2], {unit}, {'r|'})
if not journal.is_open(x, unit, ARGV[4], ARGV[5]) then return {'fenced', 0} end
local key = rare_key.journal(x.id)
local last, base, _, bytes = journal.numbers(x, unit)
if through > last then return {'gap', 0} end
if through < base then return {'ok', 0} end
local before = redis.call('HGET', key, unit .. '|snap')
bytes = bytes + #data + journal.weight - (before and #before + journal.weight or 0)
redis.call('HSET', key, unit .. '|snap', data, unit .. '|base', ARGV[6], unit .. '|bytes', string.format('%d', bytes))
local is_left = journal.cut(x, unit)
return {'ok', is_left and 1 or 0}

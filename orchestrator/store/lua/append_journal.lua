-- flags: allow-oom
-- Appends an entry to the journal of a unit, with the typed events and the letter that belong to it: all of it is written, or none.
-- What was written shows that the unit gets on, so it has lost no worker since.
-- KEYS  1 runtime of the execution
-- ARGV  3 unit, 4 attempt, 5 nonce; 6 number of the entry; 7 data, JSON; 8 number of the letter that it takes, or ''; 9 bytes allowed
--       for the journal of the unit, 10 typed events allowed for the whole execution; then these, JSON each
-- Reply {word, number}  word: ok, also where there is an entry of that number already; fenced; gap, an entry before it is missing;
--       full, the journal would be too large, and number is its bytes; letter, it is not the one to be taken next, which is number;
--       exceeded, one of the typed events is one too many
-- Event node.event
local unit, attempt, number, data, letter = ARGV[3], ARGV[4], tonumber(ARGV[6]), ARGV[7], ARGV[8]
local x = open(ARGV[2], {unit}, {'r|'})
if not journal.is_open(x, unit, attempt, ARGV[5]) then return {'fenced', 0} end
local last, base, cut, bytes = journal.numbers(x, unit)
if number <= last then return {'ok', last} end
if number > last + 1 then return {'gap', last} end
-- Whoever made the snapshot may have been stopped before all that it stands for was removed.
if cut < base then
  local _, rest = journal.cut(x, unit)
  bytes = rest
end
bytes = bytes + #data + journal.weight
if bytes > tonumber(ARGV[9]) then return {'full', bytes} end
if letter ~= '' then
  local newest, taken = inbox.numbers(x, unit)
  if tonumber(letter) ~= taken + 1 or taken == newest then return {'letter', taken + 1} end
end
local emitted = #ARGV > 10 and tonumber(fields_of(x, 'emitted') or 0) + #ARGV - 10
if emitted and emitted > tonumber(ARGV[10]) then return {'exceeded', 0} end
redis.call('HSET', rare_key.journal(x.id), unit .. '|' .. ARGV[6], data, unit .. '|last', ARGV[6],
  unit .. '|bytes', string.format('%d', bytes))
if letter ~= '' then
  redis.call('HSET', rare_key.inbox(x.id), unit .. '|taken', letter)
  redis.call('HDEL', rare_key.inbox(x.id), unit .. '|' .. letter)
end
for i = 11, #ARGV do record(x, 'node.event', unit, attempt, ARGV[i]) end
if emitted then note(x, 'emitted', string.format('%d', emitted)) end
if state_of(x, unit).crashes ~= '0' then amend(x, unit).crashes = '0' end
return {'ok', number}

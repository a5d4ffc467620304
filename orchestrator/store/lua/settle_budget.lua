-- flags: allow-oom
-- Counts what a call to a paid service has used, and releases its reservation. The use of a lost attempt counts as well:
-- it has been spent. Of a call with unknown end the whole reservation counts, until its true numbers arrive.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 number of the call within the attempt, 6 tokens and 7 nanos reserved, '' when its price was
--       not known, 8 day of the reservation; 9 '1', '0' for a call that used nothing, or 'lost' when its end is unknown; then,
--       unless it is lost, 10 input, 11 output, 12 cache read, 13 cache write, tokens; 14 cost, nanos, or '' without a
--       price
-- Reply ok; gone, the execution is no more
local node_id, attempt, number, day = ARGV[3], ARGV[4], ARGV[5], ARGV[8]
local metered = 'metered|' .. node_id .. '|' .. attempt
local x = open(ARGV[2])
if not x then return 'gone' end
-- Calls of an attempt are made one after the other: one that is counted already has been sent again.
if tonumber(number) <= tonumber(fields_of(x, metered) or 0) then return 'ok' end
local member = budget.reservation(x, node_id, attempt, number, ARGV[6], ARGV[7], day)
if ARGV[9] == 'lost' then
  budget.write_off(member)
  return 'ok'
end
local tokens = string.format('%d', ARGV[10] + ARGV[11] + ARGV[12] + ARGV[13])
local was_lost = false
-- The execution comes first: it says whether the call was written off.
for _, scope in ipairs(budget.scopes_of(x.id, {fields_of(x, unpack(budget.ACCOUNT))}, day)) do
  was_lost = budget.let_go(scope, member) or was_lost
  if was_lost then budget.count_lost(scope, node_id, ARGV[6], ARGV[7], '-') end
  budget.count(scope, node_id, {'calls', ARGV[9], 'unpriced', ARGV[14] == '' and 1 or 0, 'input', ARGV[10], 'output', ARGV[11],
    'cache_read', ARGV[12], 'cache_write', ARGV[13], 'tokens', tokens, 'nanos', ARGV[14] == '' and 0 or ARGV[14]})
end
redis.call('HSET', x.runtime, metered, number)
return 'ok'

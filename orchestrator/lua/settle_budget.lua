-- flags: allow-oom
-- Counts what a call to a paid service has used, and gives back what was set aside for it. What a lost attempt has used counts as
-- well: it has been spent.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 number of the call within the attempt, 6 tokens and 7 nanos set aside, 8 day they were set aside on, or
--       '' when nothing was; 9 '1', or '0' for a call that used nothing; 10 input, 11 output, 12 cache read,
--       13 cache write, tokens; 14 cost, nanos, or '' when its price is not known
-- Reply ok; gone, the execution is no more
local node_id, attempt, number = ARGV[3], ARGV[4], ARGV[5]
local metered = 'metered|' .. node_id .. '|' .. attempt
local x = open(ARGV[2], metered, 'tenant', 'name', 'budget')
if not x then return 'gone' end
-- Calls of an attempt are made one after the other: one that is counted already has been sent again.
if tonumber(number) <= tonumber(x.fields[1] or 0) then return 'ok' end
local day = ARGV[8] ~= '' and ARGV[8] or today()
local member = reservation(x, node_id, attempt, number, ARGV[6], ARGV[7])
local tokens = ARGV[10] + ARGV[11] + ARGV[12] + ARGV[13]
for _, scope in ipairs(budget_scopes(x, x.fields[2] or 'default', x.fields[3], x.fields[4] or '', day, '', '')) do
  if ARGV[8] ~= '' then let_go(scope, member) end
  local counts = {'calls', ARGV[9], 'unpriced', ARGV[14] == '' and 1 or 0, 'input', ARGV[10], 'output', ARGV[11],
    'cache_read', ARGV[12], 'cache_write', ARGV[13], 'tokens', string.format('%d', tokens), 'nanos', ARGV[14] == '' and 0 or ARGV[14]}
  for i = 1, #counts, 2 do
    if tonumber(counts[i + 1]) > 0 then redis.call('HINCRBY', scope.used, 'used_' .. counts[i], counts[i + 1]) end
  end
  if scope.is_daily then redis.call('PEXPIRE', scope.used, USAGE_KEPT_DAYS * DAY_MS) end
end
redis.call('HSET', x.runtime, metered, number)
return 'ok'

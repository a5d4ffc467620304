-- flags: allow-oom
-- Reserves, before a call to a paid service, the most that it can use; refuses the call if a budget has no room for that.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 number of the call within the attempt, 7 tokens, 8 cost, nanos, or '' when its price is not
--       known; 9 tokens and 10 nanos the tenant may use in a day, '' for no limit
-- Reply {word, …}  ok, day to settle on; exceeded or busy, scope, kind of limit, cap, used, held; unpriced, scope, whose limit is a
--       cost; fenced
local node_id, attempt, number = ARGV[3], ARGV[4], ARGV[6]
local x = open(ARGV[2], {node_id}, {'r|'})
if not x or not is_current(x, node_id, attempt, ARGV[5])
  or not redis.call('ZSCORE', leases_key(), lease_member(x.id, node_id, attempt)) then
  return {'fenced'}
end
local reserved, day = fields_of(x, 'reserved|' .. node_id), budget.today()
local member = budget.reservation(x, node_id, attempt, number, ARGV[7], ARGV[8], day)
local tokens, nanos = tonumber(ARGV[7]), tonumber(ARGV[8])
-- Calls of a unit are made one after the other: one that is still reserved has been given up by its caller.
if reserved and reserved ~= member then budget.write_off(reserved) end
local kept = {}
for _, scope in ipairs(budget.scopes_of(x.id, {fields_of(x, unpack(budget.ACCOUNT))}, day, ARGV[9], ARGV[10])) do
  if scope.nanos and not nanos then return {'unpriced', scope.word} end
  local is_limited = scope.tokens or scope.nanos
  -- Sent again, the call finds its own reservation, which needs no further room.
  if is_limited and not redis.call('ZSCORE', scope.held, member) then
    local refused = budget.refusal(scope, tokens, nanos)
    if refused then
      budget.write_off_dead(scope)
      refused = budget.refusal(scope, tokens, nanos)
    end
    if refused then return refused end
  end
  -- Its execution keeps every reservation, so that a call that is lost is counted where nothing limits it, too.
  if is_limited or scope.word == 'execution' then kept[#kept + 1] = scope end
end
for _, scope in ipairs(kept) do
  if redis.call('ZADD', scope.held, 'NX', NOW, member) == 1 then
    budget.set_aside(scope, ARGV[7], nanos and ARGV[8] or 0)
    if scope.is_daily then
      redis.call('PEXPIRE', scope.held, 2 * budget.DAY_MS)
      redis.call('PEXPIRE', scope.used, budget.USAGE_KEPT_DAYS * budget.DAY_MS)
    end
  end
end
redis.call('HSET', x.runtime, 'reserved|' .. node_id, member)
return {'ok', day}

-- flags: allow-oom
-- Reserves, before a call to a paid service, the most that it can use; refuses the call if a budget has no room for that.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 number of the call within the attempt, 7 tokens, 8 cost, nanos, or '' when its price is not
--       known; 9 tokens and 10 nanos the tenant may use in a day, '' for no limit
-- Reply {word, …}  ok, day to settle on; exceeded or busy, scope, kind of limit, cap, used, held; unpriced, scope, whose limit is a
--       cost; fenced
local node_id, attempt, number = ARGV[3], ARGV[4], ARGV[6]
local x = open(ARGV[2], 'attempt|' .. node_id, 'nonce|' .. node_id, 'reserved|' .. node_id, unpack(ACCOUNT))
if not x or x.fields[1] ~= attempt or x.fields[2] ~= ARGV[5]
  or not redis.call('ZSCORE', leases_key(), lease_member(x.id, node_id, attempt)) then
  return {'fenced'}
end
local day = today()
local member = reservation(x, node_id, attempt, number, ARGV[7], ARGV[8], day)
local tokens, nanos = tonumber(ARGV[7]), tonumber(ARGV[8])
-- Calls of a unit are made one after the other: one that is still reserved has been given up by its caller.
if x.fields[3] and x.fields[3] ~= member then write_off(x.fields[3]) end
local kept = {}
for _, scope in ipairs(budget_scopes(x.id, {unpack(x.fields, 4, 7)}, day, ARGV[9], ARGV[10])) do
  if scope.nanos and not nanos then return {'unpriced', scope.word} end
  local is_limited = scope.tokens or scope.nanos
  -- Sent again, the call finds its own reservation, which needs no further room.
  if is_limited and not redis.call('ZSCORE', scope.held, member) then
    local refused = refusal(scope, tokens, nanos)
    if refused then
      write_off_dead(scope)
      refused = refusal(scope, tokens, nanos)
    end
    if refused then return refused end
  end
  -- Its execution keeps every reservation, so that a call that is lost is counted where nothing limits it, too.
  if is_limited or scope.word == 'execution' then kept[#kept + 1] = scope end
end
for _, scope in ipairs(kept) do
  if redis.call('ZADD', scope.held, 'NX', NOW, member) == 1 then
    set_aside(scope, ARGV[7], nanos and ARGV[8] or 0)
    if scope.is_daily then
      redis.call('PEXPIRE', scope.held, 2 * DAY_MS)
      redis.call('PEXPIRE', scope.used, USAGE_KEPT_DAYS * DAY_MS)
    end
  end
end
redis.call('HSET', x.runtime, 'reserved|' .. node_id, member)
return {'ok', day}

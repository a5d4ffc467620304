-- budget: what calls to paid services use, and may use. Three scopes, each with counters in a hash (used_*, what has been used;
-- held_*, what calls under way may still use) and its reservations in a sorted set, by when they were made: an execution, the
-- executions of a definition in a day, a tenant's day. A reservation is alive as long as the lease of its attempt exists; one
-- that lost it is let go by whoever needs the room, so that none can leak.
-- A member of the set: execution, node, attempt, number of the call within the attempt, tokens, nanos (billionths of a dollar).

local DAY_MS, USAGE_KEPT_DAYS = 86400000, 400

-- Days are counted from 1970, UTC.
local function today()
  return string.format('%d', math.floor(NOW / DAY_MS))
end

-- caps: the runtime field `budget`, '' without one: "TOKENS NANOS TOKENS NANOS", of the execution and of the definition's day, "-" for
-- no limit. Every scope of a call with what limits it; one that counts nothing is left out.
local function budget_scopes(x, tenant, name, caps, day, tenant_tokens, tenant_nanos)
  local tokens, nanos, daily_tokens, daily_nanos = string.match(caps, '^(%S+) (%S+) (%S+) (%S+)$')
  local scopes = {
    {word = 'execution', used = x.runtime, held = reservations_key(x.id), tokens = tonumber(tokens), nanos = tonumber(nanos)},
    {word = 'tenant', used = usage_key(tenant, day), held = held_key(tenant, day), tokens = tonumber(tenant_tokens),
      nanos = tonumber(tenant_nanos), is_daily = true},
  }
  if tonumber(daily_tokens) or tonumber(daily_nanos) then
    scopes[3] = {word = 'definition', used = usage_of_key(tenant, day, name), held = held_of_key(tenant, day, name),
      tokens = tonumber(daily_tokens), nanos = tonumber(daily_nanos), is_daily = true}
  end
  return scopes
end

local function reservation(x, node_id, attempt, number, tokens, nanos)
  return table.concat({lease_member(x.id, node_id, attempt), number, tokens, nanos}, SEPARATOR)
end

-- Takes one reservation away; says whether it was there.
local function let_go(scope, member)
  if redis.call('ZREM', scope.held, member) == 0 then return false end
  local tokens, nanos = string.match(member, '(%d+)\31(%d+)$')
  redis.call('HINCRBY', scope.used, 'held_tokens', string.format('%d', -tokens))
  redis.call('HINCRBY', scope.used, 'held_nanos', string.format('%d', -nanos))
  return true
end

-- Lets go of reservations whose attempt has lost its lease, the oldest thousand looked at.
local function let_go_of_dead(scope)
  local members, leases = redis.call('ZRANGE', scope.held, 0, 999), {}
  for i, member in ipairs(members) do leases[i] = string.match(member, '^([^\31]*\31[^\31]*\31%d+)\31') end
  for i = 1, #leases, 500 do
    local deadlines = redis.call('ZMSCORE', leases_key(), unpack(leases, i, math.min(i + 499, #leases)))
    for j, deadline in ipairs(deadlines) do
      if not deadline then let_go(scope, members[i + j - 1]) end
    end
  end
end

-- Says what a scope has no room for: 'exceeded' for good, 'busy' as long as others hold what they may not need; nil for nothing.
-- Then the kind, the cap, what is used and what is held.
local function refusal(scope, tokens, nanos)
  local values = redis.call('HMGET', scope.used, 'used_tokens', 'used_nanos', 'held_tokens', 'held_nanos')
  local wanted = {{'max_tokens', scope.tokens, tokens, values[1], values[3]}, {'max_cost_usd', scope.nanos, nanos, values[2], values[4]}}
  local busy
  for _, each in ipairs(wanted) do
    local kind, cap, want = each[1], each[2], each[3]
    local used, held = tonumber(each[4] or 0), tonumber(each[5] or 0)
    if cap and used + held + want > cap then
      local text = {kind, string.format('%d', cap), string.format('%d', used), string.format('%d', held)}
      if used + want > cap then return {'exceeded', scope.word, unpack(text, 1, 4)} end
      busy = busy or {'busy', scope.word, unpack(text, 1, 4)}
    end
  end
  return busy
end

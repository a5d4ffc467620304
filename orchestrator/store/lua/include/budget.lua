-- budget: what calls to paid services may use. Each scope has its counters in a hash (used_*, what has been used;
-- held_*, what calls under way may still use) and its reservations in a sorted set, by when they were made: an execution, the
-- executions of a definition in a day, a tenant's day. A reservation is alive as long as the lease of its attempt exists.
-- A call whose end was not seen counts as the most it can have used: its reservation stays in the set of its execution, since 0,
-- so that true numbers that come late can be counted instead.
-- A member of the set: execution, node, attempt, number of the call within the attempt, tokens, nanos (billionths of a dollar, ''
-- when the price is not known), day.

local budget = {}

do

budget.DAY_MS, budget.USAGE_KEPT_DAYS = 86400000, 400

-- Days are counted from 1970, UTC.
function budget.today()
  return string.format('%d', math.floor(NOW / budget.DAY_MS))
end

budget.ACCOUNT = {'tenant', 'budget', 'account', 'name'}

-- account: the runtime fields ACCOUNT of an execution. An account is a digest of the definition's title; an older version
-- counted under the title itself, which was an id then. budget is nil without one: "TOKENS NANOS TOKENS NANOS", of the
-- execution and of the definition's day, "-" for no limit; then "pause" where an operator is asked for more. Gives every scope of
-- a call with what limits it; a definition's day that is not limited counts nothing and is left out.
function budget.scopes_of(id, account, day, tenant_tokens, tenant_nanos)
  local tenant, account_id = account[1] or 'default', account[3] or account[4]
  local tokens, nanos, daily_tokens, daily_nanos = string.match(account[2] or '', '^(%S+) (%S+) (%S+) (%S+)')
  local scopes = {
    {word = 'execution', used = runtime_key(id), held = reservations_key(id), tokens = tonumber(tokens), nanos = tonumber(nanos)},
    {word = 'tenant', used = rare_key.usage(tenant, day), held = rare_key.held(tenant, day), tokens = tonumber(tenant_tokens),
      nanos = tonumber(tenant_nanos), is_daily = true},
  }
  if tonumber(daily_tokens) or tonumber(daily_nanos) then
    scopes[3] = {word = 'definition', used = rare_key.usage_of(tenant, day, account_id), held = rare_key.held_of(tenant, day, account_id),
      tokens = tonumber(daily_tokens), nanos = tonumber(daily_nanos), is_daily = true}
  end
  return scopes
end

function budget.reservation(x, node_id, attempt, number, tokens, nanos, day)
  return table.concat({lease_member(x.id, node_id, attempt), number, tokens, nanos, day}, SEPARATOR)
end

function budget.set_aside(scope, tokens, nanos)
  redis.call('HINCRBY', scope.used, 'held_tokens', tokens)
  redis.call('HINCRBY', scope.used, 'held_nanos', nanos)
end

-- Reservations of dead attempts looked for, and written off, in one call.
local LOOKED_AT, WRITTEN_OFF = 1000, 100
-- What is counted for one unit, in this order: its field used|N.
local USED = {'calls', 'unpriced', 'input', 'output', 'cache_read', 'cache_write', 'nanos', 'lost_calls', 'lost_tokens'}

local function count_for_unit(runtime, unit, added)
  local sums = {}
  local before = string.gmatch(redis.call('HGET', runtime, 'used|' .. unit) or '', '%S+')
  for _, name in ipairs(USED) do sums[#sums + 1] = string.format('%d', (before() or 0) + (added[name] or 0)) end
  redis.call('HSET', runtime, 'used|' .. unit, table.concat(sums, ' '))
end

-- Counts what a call of a unit used; counts: name, number, … An item counts for its node as well.
function budget.count(scope, unit, counts)
  local added = {}
  for i = 1, #counts, 2 do
    if tonumber(counts[i + 1]) ~= 0 then
      redis.call('HINCRBY', scope.used, 'used_' .. counts[i], counts[i + 1])
      added[counts[i]] = tonumber(counts[i + 1])
    end
  end
  if scope.is_daily then redis.call('PEXPIRE', scope.used, budget.USAGE_KEPT_DAYS * budget.DAY_MS) end
  if scope.word ~= 'execution' or not next(added) then return end
  local node, index = item_of(unit)
  count_for_unit(scope.used, node, added)
  if index then count_for_unit(scope.used, unit, added) end
end

-- Counts a call whose end was not seen; sign '-' takes that back.
function budget.count_lost(scope, unit, tokens, nanos, sign)
  budget.count(scope, unit, {'calls', sign .. 1, 'lost_calls', sign .. 1, 'unpriced', nanos == '' and sign .. 1 or 0,
    'lost_tokens', sign .. tokens, 'tokens', sign .. tokens, 'nanos', nanos == '' and 0 or sign .. nanos})
end

local function amounts(member)
  return string.match(member, '\31(%d+)\31(%d*)\31(%d+)$')
end

-- Takes one reservation away and gives back what it held. Says whether it was one that had been written off.
function budget.let_go(scope, member)
  local since = redis.call('ZSCORE', scope.held, member)
  if not since then return false end
  redis.call('ZREM', scope.held, member)
  if tonumber(since) == 0 then return true end
  local tokens, nanos = amounts(member)
  budget.set_aside(scope, string.format('%d', -tokens), nanos == '' and 0 or string.format('%d', -nanos))
  return false
end

-- Counts a reservation as used, once, in every scope of its call.
function budget.write_off(member)
  local id, unit = string.match(member, '^([^\31]+)\31([^\31]+)')
  local tokens, nanos, day = amounts(member)
  local held = reservations_key(id)
  if tonumber(redis.call('ZSCORE', held, member) or 0) == 0 then return end
  for _, scope in ipairs(budget.scopes_of(id, redis.call('HMGET', runtime_key(id), unpack(budget.ACCOUNT)), day)) do
    budget.let_go(scope, member)
    budget.count_lost(scope, unit, tokens, nanos, '')
  end
  redis.call('ZADD', held, 0, member)
end

-- Writes off what an attempt held whose lease was taken away.
function budget.write_off_attempt(x, node_id)
  local member = redis.call('HGET', x.runtime, 'reserved|' .. node_id)
  if member then budget.write_off(member) end
end

-- Writes off reservations whose attempt has no lease, of the oldest there are.
function budget.write_off_dead(scope)
  local members = redis.call('ZRANGEBYSCORE', scope.held, '(0', '+inf', 'LIMIT', 0, LOOKED_AT)
  local leases, done = {}, 0
  for i, member in ipairs(members) do leases[i] = string.match(member, '^([^\31]*\31[^\31]*\31%d+)\31') end
  for i = 1, #leases, 500 do
    local deadlines = redis.call('ZMSCORE', leases_key(), unpack(leases, i, math.min(i + 499, #leases)))
    for j, deadline in ipairs(deadlines) do
      if not deadline and done < WRITTEN_OFF then
        budget.write_off(members[i + j - 1])
        -- An execution that is no more counts nothing for itself; its day goes on.
        if redis.call('ZSCORE', scope.held, members[i + j - 1]) and scope.is_daily then
          budget.let_go(scope, members[i + j - 1])
          local tokens, nanos = amounts(members[i + j - 1])
          budget.count_lost(scope, nil, tokens, nanos, '')
        end
        done = done + 1
      end
    end
  end
end

-- Says what a scope has no room for: 'exceeded' for good, 'busy' as long as others hold what they may not need; nil for nothing.
-- Then the kind, the cap, what is used and what is held.
function budget.refusal(scope, tokens, nanos)
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

-- Gives an execution other limits of its own, from now on; '-' leaves one as it is.
function budget.change(x, tokens, nanos)
  local words = redis.call('HGET', x.runtime, 'budget') or '- - - -'
  local old_tokens, old_nanos, others = string.match(words, '^(%S+) (%S+) (.+)$')
  redis.call('HSET', x.runtime, 'budget',
    table.concat({tokens ~= '-' and tokens or old_tokens, nanos ~= '-' and nanos or old_nanos, others}, ' '))
end

-- Whether an error says that a budget has no room, of an execution that would rather be paused. Error objects begin with their
-- type.
function budget.is_paused_by(x, error)
  return string.find(error, '{"type":"BudgetExceeded"', 1, true) == 1
    and string.find(redis.call('HGET', x.runtime, 'budget') or '', ' pause', 1, true)
end

end

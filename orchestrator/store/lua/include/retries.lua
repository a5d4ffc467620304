-- retries: a failed attempt that may be followed by another.

-- Parks a unit until its back-off ends. One that would end after the unit's time is up fails it at once.
-- counts: tries that each rule of a list has counted, space separated; '' for a policy without rules.
-- taker: who takes over from a unit whose time is up, or ''.
local function park_retry(x, unit, attempt, facts, delay_ms, error, counts, taker)
  redis.call('HSET', x.runtime, 'error|' .. unit, error)
  if counts ~= '' then redis.call('HSET', x.runtime, 'counts|' .. unit, counts) end
  local due_ms = NOW + tonumber(delay_ms)
  local close_ms = facts.close and tonumber(redis.call('HGET', x.runtime, 'close_ms|' .. unit) or '')
  if close_ms and due_ms >= close_ms and not x.cancelling then
    local fatal = limit_error(unit, attempt, facts, 'would be tried again only after', error)
    settle_failure(x, unit, attempt, facts, 'timeout', fatal, true, taker)
    return
  end
  park_node(x, unit, attempt, 'back_off', due_ms, 'node.retrying',
    '{"delay_ms":' .. delay_ms .. ',"error":' .. error .. '}')
end

-- resume: lets go what a pause has held, in order.
-- Worklist item  "held COUNT PAUSE"  so many units at the head of the held list, held by that pause

-- Goes on with one unit that was held, wherever it stands by now.
local function release_unit(x, unit, facts, on, due_ms)
  local status = status_of(x, unit)
  if status == 'PENDING' then
    queue_node(x, unit, 'PENDING', facts, '{"cause":"resume"}')
  elseif status ~= 'WAITING' then
    return
  elseif on == 'operator' then
    start_over(x, unit, facts)
    queue_node(x, unit, 'WAITING', facts, '{"cause":"resume"}')
  elseif on == 'map' then
    push(x, 'items ' .. unit)
  elseif on and due_ms then
    -- Nobody could offer its handler meanwhile.
    if on == 'worker' then redis.call('HDEL', x.runtime, 'unoffered_ms|' .. unit) end
    redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, unit, state_of(x, unit).attempt))
  end
end

function TURNS.held(x, rest)
  local left, pause = string.match(rest, '^(%d+) (%d+)$')
  left = tonumber(left)
  local done = 0
  while left > 0 and done < CHUNK do
    local unit = redis.call('LPOP', held_units_key(x.id))
    if not unit then return done end
    left, done = left - 1, done + 1
    know(x, {unit}, {'r|', 'node|'})
    local held_by, on, due_ms = fields_of(x, 'held|' .. unit, 'waiting_on|' .. unit, 'due_ms|' .. unit)
    local facts = facts_of(x, unit)
    if held_by == pause and facts and not x.cancelling then
      -- A node that asked for an operator may have paused the execution again.
      if x.paused then hold(x, unit) else release_unit(x, unit, facts, on, due_ms) end
    end
  end
  if left > 0 then push(x, 'held ' .. left .. ' ' .. pause) end
  return done
end

-- schedule_to_close: schedule_to_close_timeout, which bounds a unit from the first time it is queued in a generation to its end,
-- whatever it does in between. Of a mapped node it bounds each item by itself.
-- Time goes on while the execution is paused; a node that has asked for an operator has no limit until it starts over.
-- Runtime field  close_ms|N  when it passes;  timer  schedule_to_close, with the generation in place of an attempt

local function limit_member(x, unit) return timer_member('schedule_to_close', x.id, unit, x.generation) end

local function start_limit(x, unit, facts)
  if facts.map and not string.find(unit, '[', 1, true) then return end
  local due_ms = string.format('%d', NOW + facts.close)
  if redis.call('HSETNX', x.runtime, 'close_ms|' .. unit, due_ms) == 1 then
    redis.call('ZADD', timers_key(), due_ms, limit_member(x, unit))
  end
end

-- The unit has ended. Only definitions that give such a limit say so among their features.
local function stop_limit(x, unit)
  if string.find(x.features, 'closes', 1, true) then redis.call('ZREM', timers_key(), limit_member(x, unit)) end
end

-- The error of a unit whose time is up. last: error of its last attempt that failed, JSON, or nil.
local function limit_error(unit, attempt, facts, what, last)
  return '{"type":"Timeout.ScheduleToClose","message":"node \'' .. unit .. '\' ' .. what
    .. ' its schedule_to_close_timeout of ' .. string.format('%.12g', facts.close / 1000)
    .. ' s","retryable":false,"details":{"last_error":' .. (last or 'null') .. '},"attempt":' .. attempt .. ',"worker":null}'
end

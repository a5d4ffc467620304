-- start: PENDING -> RUNNING, with the roots queued before the reply leaves. Also the last step of a submission
-- that triggers at once.

-- The trigger document of an execution that has none of its own.
local BY_HAND = '{"source":"manual"}'

-- Gives an execution with a time limit its deadline, counted from now.
local function set_deadline(x)
  local timeout
  if x.given then timeout = x.given.execution_timeout_ms else timeout = redis.call('HGET', x.runtime, 'execution_timeout_ms') end
  local timeout_ms = tonumber(timeout or 0)
  if timeout_ms > 0 then
    x.deadline_ms = NOW + timeout_ms
    set_rare(x, 'deadline_ms', x.deadline_ms)
    redis.call('ZADD', timers_key(), x.deadline_ms, timer_member('execution_timeout', x.id, '', x.generation))
  end
end

-- inputs and trigger are JSON, or '' to keep what the submission gave. Expects the caller to have checked the status.
local function start(x, inputs, trigger)
  set_status(x, 'RUNNING')
  redis.call('SADD', active_key(), x.id)
  set_deadline(x)
  note(x, 'started_ms', NOW_TEXT)
  if inputs ~= '' then redis.call('HSET', x.runtime, 'inputs', inputs) end
  if trigger ~= '' then redis.call('HSET', x.runtime, 'trigger', trigger) end
  record(x, 'execution.started', '', '', '{}')
  push(x, 'start 0')
  settle(x)
end

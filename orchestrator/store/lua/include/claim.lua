-- claim: QUEUED -> RUNNING for one task, and the fused "finish one, take the next" of a busy worker.

-- What other parts use of this one; a Lua chunk has room for 200 names.
local claim, claim_next, reset_stream

do

-- Tasks that are read, and then claimed, between two looks at what room is left.
local CLAIMS_IN_A_STEP = 16

-- What an earlier attempt streamed is not part of this one's answer: watchers let go of it.
function reset_stream(x, node_id, attempt)
  local streamed = redis.call('HGET', x.runtime, 'streamed|' .. node_id)
  if not streamed then return end
  redis.call('HDEL', x.runtime, 'streamed|' .. node_id)
  record(x, 'stream.reset', node_id, attempt, '{"reason":"attempt","attempt":' .. streamed .. '}')
end

-- Starts an attempt of a unit that is queued.
local function begin_attempt(x, unit, nonce, worker, lease_ms, facts)
  local state = amend(x, unit)
  state.tries = tostring(state.tries + 1)
  state.nonce, state.started_ms, state.worker = nonce, NOW_TEXT, worker
  lease(lease_member(x.id, unit, state.attempt), NOW + lease_ms)
  move(x, unit, 'RUNNING')
  if facts.start_to_close_ms > 0 then
    -- The worker keeps this time limit itself; the timer is for a worker whose loop is stuck, hence the slack.
    redis.call('ZADD', timers_key(), NOW + facts.start_to_close_ms + 1000,
      timer_member('start_to_close', x.id, unit, state.attempt))
  end
  record(x, 'node.started', unit, state.attempt, '{"worker":"' .. worker .. '"}')
  -- Recorded here, not by the handler, which could forget it; a first attempt pays nothing for it.
  if state.attempt ~= '1' then reset_stream(x, unit, state.attempt) end
end

-- Any other first word means: not claimed. 'busy' leaves the message to the holder of the lease; 'stale' and
-- 'gone' take it off the stream, and so does 'held': the execution is paused, and the node will be queued again.
function claim(execution_id, unit, attempt, message_id, queue, nonce, worker, lease_ms)
  local x = open(execution_id, {unit}, CLAIMING)
  local facts = x and facts_of(x, unit)
  if not facts then
    drop_message(queue, message_id)
    return {'gone'}
  end
  local state, status = state_of(x, unit), status_of(x, unit)
  if attempt ~= state.attempt or not (may_leave('node', 'claim_node', status) or status == 'RUNNING') then
    drop_message(queue, message_id)
    return {'stale'}
  end
  if status == 'RUNNING' then
    if state.nonce ~= nonce then
      -- A second copy of the task (a repair that raced) can go; the first stays pending until the attempt ends.
      if message_id ~= state.message_id then drop_message(queue, message_id) end
      return {'busy'}
    end
    return claimed(x, unit, facts, message_id)
  end
  if x.cancelling then return {'cancelling'} end
  if x.paused then
    detach(x, unit, 'QUEUED', facts)
    if message_id ~= state.message_id then drop_message(queue, message_id) end
    hold_node(x, unit, '{"cause":"claimed"}')
    return {'held'}
  end
  if message_id ~= state.message_id then
    drop_message(queue, state.message_id)
    amend(x, unit).message_id = message_id
  end
  if facts.schedule_to_start_ms > 0 then
    redis.call('ZREM', timers_key(), timer_member('schedule_to_start', execution_id, unit, attempt))
  end
  begin_attempt(x, unit, nonce, worker, lease_ms, facts)
  return claimed(x, unit, facts, message_id)
end

-- Hands a unit that is ready to the worker that makes the call, without the way over the stream.
local function hand_over(task, nonce, worker, lease_ms)
  local x, unit, facts = task.x, task.unit, task.facts
  begin_attempt(x, unit, nonce, worker, lease_ms, facts)
  return claimed(x, unit, facts, '-')
end

-- How many of a queue's tasks one call may take: a share of what is ready, so that no worker takes at once what others
-- have free slots for. An entry stays on the stream, and pending, until its attempt has ended.
local function share_of(queue, readers, count)
  if readers < 2 or count < 2 then return count end
  local length = redis.call('XLEN', tasks_key(queue))
  -- Whatever part of it is ready, the share is one: a chain need not ask what runs.
  if length <= readers then return 1 end
  local pending = redis.pcall('XPENDING', tasks_key(queue), GROUP)
  if pending.err then return count end
  local ready = length - pending[1]
  return math.max(1, math.min(count, math.ceil(ready / readers)))
end

-- Puts the tasks that are still kept back onto their streams.
function post_ready()
  for _, task in ipairs(READY or {}) do
    if task.is_kept then
      task.is_kept = false
      post(task.x, task.unit, task.facts)
    end
  end
end

-- Gives the worker those of the tasks kept back that it may keep, and posts the others: it may run no more than its share of
-- all attempts that run, so that the other readers get what they have free slots for. Adds to the replies and to what was taken.
-- readers: number of live workers by queue; running: attempts the worker runs so far, without those just claimed.
local function hand_ready(replies, taken, count, request_id, worker, lease_ms, readers, handlers, running)
  local others
  for _, task in ipairs(READY or {}) do
    if #replies >= count or not has_room() then break end
    local x, facts = task.x, task.facts
    local among = readers[facts.queue]
    if among ~= 1 then others = others or lease_count() - #taken end
    if task.is_kept and not x.paused and not x.cancelling and among
      and string.find(handlers, ' ' .. facts.handler .. ' ', 1, true)
      and (among == 1 or running + #taken <= math.ceil((others + #taken) / among)) then
      task.is_kept = false
      local nonce = request_id .. '.' .. #replies + 1
      replies[#replies + 1] = hand_over(task, nonce, worker, lease_ms)
      taken[#taken + 1] = x.id .. ' ' .. task.unit .. ' ' .. state_of(x, task.unit).attempt .. ' - ' .. facts.queue .. ' ' .. nonce
    end
  end
  post_ready()
end

-- What the same call has claimed before, when it is sent again because its reply was lost. kept: its field claims|WORKER.
local function claimed_before(kept, worker, lease_ms)
  local replies = {}
  for execution_id, unit, attempt, message_id, queue, nonce in string.gmatch(kept, '(%S+) (%S+) (%d+) (%S+) (%S+) (%S+)\n') do
    local is_done, reply = pcall(claim, execution_id, unit, attempt, message_id, queue, nonce, worker, lease_ms)
    if is_done and reply[1] == 'ok' then replies[#replies + 1] = reply end
  end
  return replies
end

-- Reads ahead, in two commands for each execution, what claiming these entries of a stream takes.
local function look_ahead_at_tasks(entries)
  local units = {}
  for _, entry in ipairs(entries) do
    local task = entry[2]
    if task[1] == 'execution_id' and task[4] then
      local of = units[task[2]] or {}
      units[task[2]], of[#of + 1] = of, task[4]
    end
  end
  for execution_id, of in pairs(units) do
    if #of > 1 then
      local x = open(execution_id, of, CLAIMING)
      if x then statuses_ahead(x, of) end
    end
  end
end

-- Claims up to count further tasks for this worker, fewer where the reply would be too large: first what is on its streams,
-- which is older, then direct successors of what ended in this call. queues names each queue with the number of live workers
-- that read it: `default=3 slow=1`. word: that of the call, which comes first in the reply.
-- What was claimed is kept, under the request id, in a field of the execution x that the call is about: if the reply is lost and
-- the call is sent again, the same claims are answered. looks: whether this may be such a call.
function claim_next(word, x, looks, count, request_id, worker, consumer, lease_ms, queues, handlers, running)
  local replies, taken = {}, {}
  begin_reply()
  flush_acks()
  -- Of an execution that is no more nothing can be kept.
  if not x then
    post_ready()
    return {word}
  end
  local field = 'claims|' .. worker
  local kept = looks and redis.call('HGET', x.runtime, field)
  if kept and string.sub(kept, 1, #request_id + 1) == request_id .. '\n' then
    replies = claimed_before(kept, worker, lease_ms)
    post_ready()
    return flat(word, replies)
  end
  local readers = {}
  for queue, number in string.gmatch(queues, '(%S+)=(%d+)') do
    readers[queue] = tonumber(number)
    local share = #replies < count and has_room() and share_of(queue, readers[queue], count - #replies) or 0
    while share > 0 and has_room() do
      -- pcall: without the group there is nothing to take; the worker's own read recreates it.
      local step = math.min(share, CLAIMS_IN_A_STEP)
      local answer = redis.pcall('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', step, 'STREAMS', tasks_key(queue), '>')
      if not answer or answer.err then break end
      local entries = answer[1][2]
      -- What is damaged is met again when it is claimed by itself.
      if entries[2] then pcall(look_ahead_at_tasks, entries) end
      for _, entry in ipairs(entries) do
        local task = entry[2]
        local execution_id, unit, attempt = task[2], task[4], task[8]
        if task[1] ~= 'execution_id' or not string.match(task[8] or '', '^%d+$') then
          -- Not written by the engine: no node can be meant by it.
          drop_message(queue, entry[1])
        elseif not string.find(handlers, ' ' .. task[6] .. ' ', 1, true) then
          -- Read, but not ours to run: the worker hands it back.
          replies[#replies + 1] = {'unoffered', table.concat({execution_id, unit, attempt, entry[1], queue, task[6]}, ' ')}
        else
          local nonce = request_id .. '.' .. (#replies + 1)
          -- One that is damaged stays pending, and fails whoever asks for it alone.
          local is_done, reply = pcall(claim, execution_id, unit, attempt, entry[1], queue, nonce, worker, lease_ms)
          if is_done and reply[1] == 'ok' then
            replies[#replies + 1] = reply
            taken[#taken + 1] = execution_id .. ' ' .. unit .. ' ' .. attempt .. ' ' .. entry[1] .. ' ' .. queue .. ' ' .. nonce
          end
        end
      end
      share = #entries == step and share - step or 0
    end
  end
  hand_ready(replies, taken, count, request_id, worker, lease_ms, readers, handlers, running)
  if x.has_ended and not taken[1] then
    -- Nothing has to come again, and what has ended is kept for long.
    redis.call('HDEL', x.runtime, field)
  else
    taken[#taken + 1] = ''
    note(x, field, request_id .. '\n' .. table.concat(taken, '\n'))
    x.is_changed = true
  end
  return flat(word, replies)
end

end

-- claim: QUEUED -> RUNNING for one task, and the fused "finish one, take the next" of a busy worker.

-- What other parts use of this one; a Lua chunk has room for 200 names.
local begin_reply, claim, claim_next, reset_stream

do

-- The reply carries all that the runner needs, so that a node costs no further round trip:
-- {'ok', execution_id, node_id, attempt, nonce, tries, crashes, message_id, queued_ms, spec, inputs, resume, value,
--  reference, status, output, reference, …}   output is '' when there is none.
-- References of other names may stand at the end: $catch, which successor takes over after which errors; from the second
-- attempt on $counts, the tries each retry rule has counted, and $beat, the newest progress that an attempt has reported.
-- resume is what the unit waited for, JSON, when one that waited is run again to make use of it; value that of an item,
-- JSON; '' otherwise.
-- Of inputs, resume, value and outputs a length, as a number, may stand for the text: an earlier claim of the same reply
-- has it, or it found no room, and the worker reads it from its key. Nothing writes it while the attempt runs.

-- Most bytes that one call which claims several tasks answers with. One half is for what tasks refer to; once that is used
-- up it is only named. Less than the other half left, no further task is claimed.
local REPLY_BYTES = 4 * 1024 * 1024
-- Most bytes named in one call, each text once: beyond them no further task is claimed. A worker has to hold them all.
local NAMED_BYTES = 64 * 1024 * 1024
-- Tasks that are read, and then claimed, between two looks at what room is left.
local CLAIMS_IN_A_STEP = 16
-- A text this long goes once into a reply; of a shorter one a copy costs less than to look for the first.
local SHARED_BYTES = 1024

-- Of the reply of this call: bytes left, bytes left for references, bytes named; and the texts it has or names: their lengths.
local ROOM, REFERENCE_ROOM, NAMED, MENTIONED

function begin_reply(bytes)
  ROOM, REFERENCE_ROOM, NAMED, MENTIONED = bytes, bytes / 2, 0, {}
end

local function has_room() return ROOM >= REPLY_BYTES / 2 and NAMED < NAMED_BYTES end

-- Leaves a text to the worker, which gets its length.
local function named(name, length)
  NAMED = NAMED + length
  MENTIONED[name] = length
  return length
end

-- Puts a text that has been read already into the reply, or its length.
local function fitting(name, text)
  text = text or ''
  local length = #text
  if length > math.max(0, ROOM) then return named(name, length) end
  ROOM = ROOM - length
  return text
end

-- Reads a text that others may refer to as well, from a key or a field of one, and puts it or its length into the reply.
local function shared(key, field)
  local name = field and key .. ' ' .. field or key
  if MENTIONED[name] then return MENTIONED[name] end
  -- Its length is asked for once something has found no room, not before: that would cost a command for each.
  if NAMED > 0 then
    local length = field and redis.call('HSTRLEN', key, field) or not field and size_of(key)
    if length > REFERENCE_ROOM then return named(name, length) end
  end
  local text = field and redis.call('HGET', key, field) or not field and read(key) or ''
  local length = #text
  if length > REFERENCE_ROOM then return named(name, length) end
  ROOM, REFERENCE_ROOM = ROOM - length, REFERENCE_ROOM - length
  if length >= SHARED_BYTES then MENTIONED[name] = length end
  return text
end

local function claimed(x, node_id, attempt, nonce, message_id, tries, crashes, spec, refs, queued_ms, resume, value, facts)
  ROOM = ROOM - #(spec or '')
  local reply = {'ok', x.id, node_id, attempt, nonce, tries or '0', crashes or '0', message_id, queued_ms or '0', spec,
    '', fitting('resume' .. nonce, resume), fitting('value' .. nonce, value)}
  if refs then
    for id in string.gmatch(refs, '%S+') do
      if id == '$inputs' then
        reply[11] = shared(x.runtime, 'inputs')
      else
        reply[#reply + 1] = id
        reply[#reply + 1] = read(node_key(x.id, id)) or ''
        reply[#reply + 1] = shared(output_key(x.id, id))
      end
    end
  end
  local catch = facts.catch
  if catch then
    reply[#reply + 1] = '$catch'
    reply[#reply + 1] = ''
    reply[#reply + 1] = catch
  end
  if attempt == '1' then return reply end
  local before = redis.call('HMGET', x.runtime, 'counts|' .. node_id, 'beat|' .. node_id)
  for i, name in ipairs({'$counts', '$beat'}) do
    if before[i] then
      reply[#reply + 1] = name
      reply[#reply + 1] = ''
      reply[#reply + 1] = before[i]
    end
  end
  return reply
end

-- What an earlier attempt streamed is not part of this one's answer: watchers let go of it.
function reset_stream(x, node_id, attempt)
  local streamed = redis.call('HGET', x.runtime, 'streamed|' .. node_id)
  if not streamed then return end
  redis.call('HDEL', x.runtime, 'streamed|' .. node_id)
  record(x, 'stream.reset', node_id, attempt, '{"reason":"attempt","attempt":' .. streamed .. '}')
end

-- Starts an attempt of a unit that is queued. Gives its tries.
local function begin_attempt(x, unit, attempt, nonce, worker, lease_ms, facts, tries)
  lease(lease_member(x.id, unit, attempt), NOW + lease_ms)
  move(x, unit, 'RUNNING')
  tries = tostring((tonumber(tries) or 0) + 1)
  note(x, 'tries|' .. unit, tries)
  note(x, 'nonce|' .. unit, nonce)
  note(x, 'started_ms|' .. unit, NOW_TEXT)
  note(x, 'worker|' .. unit, worker)
  if facts.start_to_close_ms > 0 then
    -- The worker keeps this time limit itself; the timer is for a worker whose loop is stuck, hence the slack.
    redis.call('ZADD', timers_key(), NOW + facts.start_to_close_ms + 1000, timer_member('start_to_close', x.id, unit, attempt))
  end
  record(x, 'node.started', unit, attempt, '{"worker":"' .. worker .. '"}')
  -- Recorded here, not by the handler, which could forget it; a first attempt pays nothing for it.
  if attempt ~= '1' then reset_stream(x, unit, attempt) end
  return tries
end

-- Any other first word means: not claimed. 'busy' leaves the message to the holder of the lease; 'stale' and
-- 'gone' take it off the stream, and so does 'held': the execution is paused, and the node will be queued again.
function claim(execution_id, node_id, attempt, message_id, queue, nonce, worker, lease_ms)
  local node, item = item_of(node_id)
  local x = open(execution_id, 'attempt|' .. node_id, 'nonce|' .. node_id, 'node|' .. node, 'spec|' .. node,
    item and 'item_refs|' .. node or 'refs|' .. node_id, 'tries|' .. node_id, 'crashes|' .. node_id, 'message|' .. node_id, 'queued_ms|' .. node_id,
    'resume|' .. node_id)
  if not x or not x.fields[3] then
    drop_message(queue, message_id)
    return {'gone'}
  end
  local current, holder, facts_text, spec, refs, tries, crashes, current_message, queued_ms, resume =
    unpack(x.fields, 1, 10)
  local facts = parse_facts(facts_text)
  local status = status_of(execution_id, node_id)
  local value = item and redis.call('HGET', items_key(execution_id, node), 'v' .. item)
  if attempt ~= current or not (may_leave('node', 'claim_node', status) or status == 'RUNNING') then
    drop_message(queue, message_id)
    return {'stale'}
  end
  if status == 'RUNNING' then
    if holder ~= nonce then
      -- A second copy of the task (a repair that raced) can go; the first stays pending until the attempt ends.
      if message_id ~= current_message then drop_message(queue, message_id) end
      return {'busy'}
    end
    return claimed(x, node_id, attempt, nonce, message_id, tries, crashes, spec, refs, queued_ms, resume, value, facts)
  end
  if x.cancelling then return {'cancelling'} end
  if x.paused then
    detach(x, node_id, 'QUEUED', attempt, facts)
    if message_id ~= current_message then drop_message(queue, message_id) end
    hold_node(x, node_id, '{"cause":"claimed"}')
    return {'held'}
  end
  if message_id ~= current_message then
    note(x, 'message|' .. node_id, message_id)
    drop_message(queue, current_message)
  end
  if facts.schedule_to_start_ms > 0 then
    redis.call('ZREM', timers_key(), timer_member('schedule_to_start', execution_id, node_id, attempt))
  end
  tries = begin_attempt(x, node_id, attempt, nonce, worker, lease_ms, facts, tries)
  return claimed(x, node_id, attempt, nonce, message_id, tries, crashes, spec, refs, queued_ms, resume, value, facts)
end

-- Hands a unit that is ready to the worker that makes the call, without the way over the stream.
local function hand_over(task, nonce, worker, lease_ms)
  local x, unit, attempt, facts = task.x, task.unit, tostring(task.attempt), task.facts
  local values = redis.call('HMGET', x.runtime, 'spec|' .. unit, 'refs|' .. unit, 'tries|' .. unit, 'crashes|' .. unit, 'resume|' .. unit)
  local tries = begin_attempt(x, unit, attempt, nonce, worker, lease_ms, facts, values[3])
  return claimed(x, unit, attempt, nonce, '', tries, values[4], values[1], values[2], NOW_TEXT, values[5], false, facts)
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
      post(task.x, task.unit, task.attempt, task.facts)
    end
  end
end

-- Gives the worker those of the tasks kept back that it may keep, and posts the others: it may run no more than its share of
-- all attempts that run, so that the other readers get what they have free slots for. Adds to the replies and to what is
-- remembered of them. readers: number of live workers by queue; running: attempts the worker runs so far.
local function hand_ready(replies, taken, count, request_id, worker, lease_ms, readers, handlers, running)
  local others
  for _, task in ipairs(READY or {}) do
    if #replies >= count or not has_room() then break end
    local facts = task.facts
    local among = readers[facts.queue]
    if among ~= 1 then others = others or lease_count() - #taken end
    if task.is_kept and among and string.find(handlers, ' ' .. facts.handler .. ' ', 1, true)
      and (among == 1 or running + #taken <= math.ceil((others + #taken) / among)) then
      task.is_kept = false
      local nonce = request_id .. '.' .. (#replies + 1)
      replies[#replies + 1] = hand_over(task, nonce, worker, lease_ms)
      taken[#taken + 1] = table.concat({task.x.id, task.unit, task.attempt, '-', facts.queue, nonce}, ' ') .. '\n'
    end
  end
  post_ready()
end

-- Claims up to count further tasks for this worker, fewer where the reply would be too large: first what is on its streams,
-- which is older, then direct successors of what ended in this call. queues names each queue with the number of live workers
-- that read it: `default=3 slow=1`. The units claimed are kept under the request id for a minute: if the reply is lost and the
-- call is sent again, the same claims are answered.
function claim_next(count, request_id, worker, consumer, lease_ms, queues, handlers, running)
  local replies = {}
  begin_reply(REPLY_BYTES)
  flush_acks()
  local taken = {}
  local last = redis.call('GET', claims_key(worker))
  if last and string.sub(last, 1, #request_id + 1) == request_id .. '\n' then
    for execution_id, node_id, attempt, message_id, queue, nonce in
      string.gmatch(last, '(%S+) (%S+) (%d+) (%S+) (%S+) (%S+)\n') do
      local reply = claim(execution_id, node_id, attempt, message_id == '-' and '' or message_id, queue, nonce, worker, lease_ms)
      if reply[1] == 'ok' then replies[#replies + 1] = reply end
    end
    post_ready()
    return replies
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
      for _, entry in ipairs(entries) do
        local task = entry[2]
        local execution_id, node_id, attempt = task[2], task[4], task[8]
        if task[1] ~= 'execution_id' or not string.match(task[8] or '', '^%d+$') then
          -- Not written by the engine: no node can be meant by it.
          drop_message(queue, entry[1])
        elseif not string.find(handlers, ' ' .. task[6] .. ' ', 1, true) then
          -- Read, but not ours to run: the worker hands it back.
          replies[#replies + 1] = {'unoffered', execution_id, node_id, attempt, entry[1], queue, task[6]}
        else
          local nonce = request_id .. '.' .. (#replies + 1)
          -- One that is damaged stays pending, and fails whoever asks for it alone.
          local is_done, reply = pcall(claim, execution_id, node_id, attempt, entry[1], queue, nonce, worker, lease_ms)
          if is_done and reply[1] == 'ok' then
            replies[#replies + 1] = reply
            taken[#taken + 1] = table.concat({execution_id, node_id, attempt, entry[1], queue, nonce}, ' ') .. '\n'
          end
        end
      end
      share = #entries == step and share - step or 0
    end
  end
  hand_ready(replies, taken, count, request_id, worker, lease_ms, readers, handlers, running)
  if #taken > 0 then
    redis.call('SET', claims_key(worker), request_id .. '\n' .. table.concat(taken), 'PX', 60000)
  end
  return replies
end

end

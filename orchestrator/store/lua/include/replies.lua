-- replies: what a worker is told of a task that it may run.

-- What other parts use of this one; a Lua chunk has room for 200 names.
local begin_reply, has_room, claimed, flat

-- What a claim looks at.
local CLAIMING = {'r|', 'node|', 'spec|', 'refs|'}

do

-- The reply carries all that the runner needs, so that a node costs no further round trip:
-- {'ok', head, spec, name, status, text, name, status, text, …}
-- head is 'EXECUTION UNIT ATTEMPT NONCE TRIES CRASHES MESSAGE QUEUED_MS', - for no message. name is a reference: a node, with its
-- status and output, '' when there is none; or one of these, where there is something to tell: $inputs and $trigger, when the node
-- refers to them; $resume, what the unit waited for, JSON, when one that waited is run again to make use of it; $value, of an item, JSON;
-- $catch, which successor takes over after which errors; from the second attempt on $counts, the tries each retry rule has
-- counted, and $beat, the newest progress that an attempt has reported; $tenant, whose execution it is, unless it is default's.
-- A call that ends attempts and claims further tasks answers with one flat list, because a table costs more than what is in it:
-- its own word, then for each claim the number of its elements after that, and these. A task that was read but needs a handler the
-- worker does not have is listed as {'unoffered', 'EXECUTION UNIT ATTEMPT MESSAGE QUEUE HANDLER'}.
-- Of inputs, trigger, resume, value and outputs a length, as a number, may stand for the text: an earlier claim of the same reply
-- has it, or it found no room, and the worker reads it from its key. Nothing writes it while the attempt runs.

-- Most bytes that one call which claims several tasks answers with. One half is for what tasks refer to; once that is used
-- up it is only named. Less than the other half left, no further task is claimed.
local REPLY_BYTES = 4 * 1024 * 1024
-- Most bytes named in one call, each text once: beyond them no further task is claimed. A worker has to hold them all.
local NAMED_BYTES = 64 * 1024 * 1024
-- A text this long goes once into a reply; of a shorter one a copy costs less than to look for the first.
local SHARED_BYTES = 1024

-- Of the reply of this call: bytes left, bytes left for references, bytes named.
local ROOM, REFERENCE_ROOM, NAMED

-- bytes: what the call may answer with; without it, the most.
function begin_reply(bytes)
  ROOM = bytes or REPLY_BYTES
  REFERENCE_ROOM, NAMED = ROOM / 2, 0
end

function has_room() return ROOM >= REPLY_BYTES / 2 and NAMED < NAMED_BYTES end

-- Leaves a text to the worker, which gets its length.
local function named(length)
  NAMED = NAMED + length
  return length
end

-- Puts a text that has been read already into the reply, or its length.
local function fitting(text)
  local length = #text
  if length > math.max(0, ROOM) then return named(length) end
  ROOM = ROOM - length
  return text
end

-- What is nobody's output, and the runtime field that has it.
local STARTED_WITH = {['$inputs'] = 'inputs', ['$trigger'] = 'trigger'}

-- Puts a text that others may refer to as well into the reply, or its length: the output of a node, or what the execution was
-- started with.
local function shared(x, id)
  -- The length of either is kept in the same way.
  local unit, field = unit_of(x, id), STARTED_WITH[id]
  local length = unit.mentioned
  if length then return length end
  -- Its length is asked for once something has found no room, not before: that would cost a command for each.
  if NAMED > 0 and not unit.output then
    length = field and redis.call('HSTRLEN', x.runtime, field) or not field and redis.call('STRLEN', output_key(x.id, id))
    if length > REFERENCE_ROOM then
      unit.mentioned = length
      return named(length)
    end
  end
  local text = field and redis.call('HGET', x.runtime, field) or not field and output_of(x, id) or ''
  length = #text
  if length > REFERENCE_ROOM then
    unit.mentioned = length
    return named(length)
  end
  ROOM, REFERENCE_ROOM = ROOM - length, REFERENCE_ROOM - length
  if length >= SHARED_BYTES then unit.mentioned = length end
  return text
end

-- The reply for a unit that runs.
function claimed(x, unit, facts, message_id)
  local state = state_of(x, unit)
  local node = state.node
  plans.know(x, {unit}, CLAIMING)
  local plan = node.plan
  local spec, refs = plan['spec|'], plan[state.index and 'item_refs|' or 'refs|']
  local resume, counts, beat
  -- What has been before: nothing at a first attempt.
  if state.attempt ~= '1' then
    local before = redis.call('HMGET', x.runtime, 'resume|' .. unit, 'counts|' .. unit, 'beat|' .. unit)
    resume, counts, beat = before[1], before[2], before[3]
  end
  ROOM = ROOM - #(spec or '')
  local head = x.id .. ' ' .. unit .. ' ' .. state.attempt .. ' ' .. state.nonce .. ' ' .. state.tries .. ' ' .. state.crashes
    .. ' ' .. message_id .. ' ' .. state.queued_ms
  local reply, count = {'ok', head, spec}, 3
  local function tell(name, status, text)
    reply[count + 1], reply[count + 2], reply[count + 3] = name, status, text
    count = count + 3
  end
  if resume then tell('$resume', '', fitting(resume)) end
  if state.index then tell('$value', '', fitting(redis.call('HGET', items_key(x.id, node.id), 'v' .. state.index) or '')) end
  if refs then
    for id in string.gmatch(refs, '%S+') do
      tell(id, STARTED_WITH[id] and '' or status_of(x, id) or '', shared(x, id))
    end
  end
  if facts.catch then tell('$catch', '', facts.catch) end
  if counts then tell('$counts', '', counts) end
  if beat then tell('$beat', '', beat) end
  if x.tenant and x.tenant ~= 'default' then tell('$tenant', '', x.tenant) end
  return reply
end

-- One list of all, as the call answers.
function flat(word, replies)
  local list, count = {word}, 1
  for i = 1, #replies do
    local reply = replies[i]
    list[count + 1] = #reply
    for j = 1, #reply do list[count + 1 + j] = reply[j] end
    count = count + 1 + #reply
  end
  return list
end

end

-- schedules: when executions of a workflow start by themselves. Its record says which slot comes next, what it has started that
-- may still run, and what waits for that; workflows:schedules has the moment at which somebody is to look at it.
-- Fields of a record, beside those that its writer gave (see orchestrator/definitions/schedule_record.py):
--   turn      one more at every change, which the next change names: so a slot is dealt with once, whoever deals with it
--   next_ms, due_ms   the next slot and when it is due; '' for none
--   live      executions it has started, oldest first, as far as they are not known to have ended
--   buffer    slots that wait for the end of those, oldest first
--   backfill_next, backfill_end, backfill_most, backfill_live   slots of the past that are being started, so many at a time
--   call      the call that changed it last, and its answer

-- again_ms: until a schedule that waits for the end of an execution is looked at again. grace_ms: for what runs of one that is
-- cancelled.
local schedules = {most_buffered = 100, most_live = 100, again_ms = 1000, grace_ms = 30000}

do

local FIELDS = {'turn', 'live', 'buffer', 'next_ms', 'due_ms', 'is_paused', 'pauses_on_failure', 'runs', 'max_runs', 'workflow_id',
  'backfill_next', 'backfill_live', 'backfill_most', 'call', 'overlap'}

local function words(text)
  local found = {}
  for word in string.gmatch(text or '', '%S+') do found[#found + 1] = word end
  return found
end

-- Those of some executions that have not ended; failed: one that has, badly.
local function still_live(ids)
  local found, failed = {}, nil
  for _, id in ipairs(ids) do
    local status = redis.call('GET', status_key(id))
    if may_leave('execution', 'cancel_execution', status) then
      found[#found + 1] = id
    elseif status == 'FAILED' then
      failed = id
    end
  end
  return found, failed
end

-- Has an execution end for one that comes after it. due_ms: when what still runs of it is fenced.
local function end_for(x, execution_id, due_ms)
  if x.cancelling == 'user' or x.cancelling == 'timeout' then
    push(x, 'kill 0')
  else
    request_cancel(x, '"the schedule starts execution ' .. execution_id .. '"', 'schedule:' .. execution_id, due_ms)
  end
  settle(x)
end

-- Reads a schedule; nil where there is none.
function schedules.open(tenant, id)
  local key = rare_key.schedule(tenant, id)
  local values = redis.call('HMGET', key, unpack(FIELDS))
  if not values[1] then return nil end
  local s = {key = key, tenant = tenant, id = id}
  for i, field in ipairs(FIELDS) do s[field] = values[i] or '' end
  s.live, s.buffer, s.backfill_live = words(s.live), words(s.buffer), words(s.backfill_live)
  return s
end

-- Forgets what has ended, and pauses a schedule that asks for that after a failure.
function schedules.look(s)
  local failed
  s.live, failed = still_live(s.live)
  s.backfill_live = still_live(s.backfill_live)
  if failed and s.pauses_on_failure == '1' and s.is_paused ~= '1' then
    s.is_paused, s.next_ms, s.due_ms = '1', '', ''
    redis.call('HSET', s.key, 'paused_ms', NOW_TEXT, 'paused_by', '', 'paused_reason', 'execution ' .. failed .. ' failed')
    return failed
  end
end

-- Says when a schedule is to be looked at; nil for never.
local function wake_ms(s)
  local found
  local function sooner(ms) if ms and (not found or ms < found) then found = ms end end
  local is_waiting = #s.buffer > 0 or s.pauses_on_failure == '1' and #s.live > 0
  if s.is_paused ~= '1' then
    sooner(tonumber(s.due_ms))
    if is_waiting then sooner(NOW + schedules.again_ms) end
  end
  if s.backfill_next ~= '' then
    sooner(#s.backfill_live >= tonumber(s.backfill_most) and NOW + schedules.again_ms or NOW)
  elseif #s.backfill_live > 0 then
    sooner(NOW + schedules.again_ms)
  end
  return found
end

function schedules.wake(s)
  local member, ms = s.tenant .. SEPARATOR .. s.id, wake_ms(s)
  if ms then
    redis.call('ZADD', rare_key.schedules(), string.format('%d', ms), member)
  else
    redis.call('ZREM', rare_key.schedules(), member)
  end
end

-- Writes what has changed. call: the call that did it; word: its answer.
function schedules.save(s, call, word)
  if s.max_runs ~= '' and tonumber(s.runs) >= tonumber(s.max_runs) then s.next_ms, s.due_ms, s.buffer = '', '', {} end
  redis.call('HSET', s.key, 'turn', string.format('%d', s.turn + 1), 'live', table.concat(s.live, ' '),
    'buffer', table.concat(s.buffer, ' '), 'next_ms', s.next_ms, 'due_ms', s.due_ms, 'is_paused', s.is_paused, 'runs', s.runs,
    'backfill_next', s.backfill_next, 'backfill_live', table.concat(s.backfill_live, ' '), 'call', call .. ' ' .. word)
  schedules.wake(s)
end

-- What a call has answered that is sent again; nil for one that is new.
function schedules.answer_before(s, call)
  local before, word = string.match(s.call, '^(%S+) (%S+)$')
  return before == call and word or nil
end

-- What becomes of a slot while an execution of its schedule has not ended; nil where it starts.
function schedules.give_way(s, slot, execution_id)
  local policy = s.overlap
  if policy == 'allow_all' or #s.live == 0 and #s.buffer == 0 then return nil end
  if policy == 'terminate_other' then
    for _, id in ipairs(s.live) do
      local x = open(id)
      if x then end_for(x, execution_id, NOW) end
    end
    s.live, s.buffer = {}, {}
    return nil
  end
  if policy == 'cancel_other' then
    for _, id in ipairs(s.live) do
      local x = open(id)
      if x and not x.cancelling then end_for(x, execution_id, NOW + schedules.grace_ms) end
    end
    -- It takes the place of one that waits already.
    if #s.buffer > 0 then redis.call('HINCRBY', s.key, 'skipped', #s.buffer) end
    s.buffer = {slot}
    return 'buffered'
  end
  local room = policy == 'buffer_all' and schedules.most_buffered or policy == 'buffer_one' and 1 or 0
  if #s.buffer < room then
    s.buffer[#s.buffer + 1] = slot
    return 'buffered'
  end
  redis.call('HINCRBY', s.key, 'skipped', 1)
  return 'skipped'
end

-- Whether the next slot of a rule, in fields of a record, was calculated before the last slot that has been started, or that waits.
function schedules.is_late(key, fields)
  local values = redis.call('HMGET', key, 'last_slot_ms', 'buffer')
  local newest = tonumber(string.match(values[2] or '', '(%d+)$') or values[1]) or 0
  for i = 1, #fields, 2 do
    if fields[i] == 'next_ms' and fields[i + 1] ~= '' then return tonumber(fields[i + 1]) <= newest end
  end
  return false
end

-- Adds a schedule to a workflow, or changes the rule of the one there is. fields: of its record, in turn; they hold its name
-- and, in next_ms and due_ms, its next slot. other_name: taken where another schedule has the name.
-- Gives the id of a schedule that has the name, and then writes nothing.
function schedules.put(tenant, id, workflow_id, name, other_name, fields)
  local key, names = rare_key.schedule(tenant, id), rare_key.schedule_names(tenant)
  local is_new = redis.call('EXISTS', key) == 0
  if is_new then
    local holder = redis.call('HGET', names, name)
    if holder and other_name ~= '' then
      name = other_name
      holder = redis.call('HGET', names, name)
    end
    if holder then return holder end
    redis.call('HSET', names, name, id)
    redis.call('ZADD', rare_key.schedule_index(tenant), NOW_TEXT, id)
    redis.call('ZADD', rare_key.schedules_of(tenant, workflow_id), NOW_TEXT, id)
    redis.call('HSET', key, 'schedule_id', id, 'name', name, 'workflow_id', workflow_id, 'created_ms', NOW_TEXT, 'turn', '0',
      'is_paused', '0', 'runs', '0', 'revision', '0')
  end
  local before, is_late = redis.call('HMGET', key, 'next_ms', 'due_ms'), schedules.is_late(key, fields)
  redis.call('HSET', key, 'updated_ms', NOW_TEXT, unpack(fields))
  redis.call('HINCRBY', key, 'revision', 1)
  redis.call('HINCRBY', key, 'turn', 1)
  local s = schedules.open(tenant, id)
  -- That slot must not be started again.
  if is_late then
    s.next_ms, s.due_ms = before[1], before[2]
    redis.call('HSET', key, 'next_ms', s.next_ms, 'due_ms', s.due_ms)
  end
  -- What waits does so by a policy that lets it wait.
  if #s.buffer > 0 and not string.match(s.overlap, '^buffer_') and s.overlap ~= 'cancel_other' then
    redis.call('HINCRBY', key, 'skipped', #s.buffer)
    redis.call('HSET', key, 'buffer', '')
    s.buffer = {}
  end
  -- One that is paused gets its next slot when it goes on.
  if s.is_paused == '1' or s.max_runs ~= '' and tonumber(s.runs) >= tonumber(s.max_runs) then
    redis.call('HSET', key, 'next_ms', '', 'due_ms', '')
    s.next_ms, s.due_ms = '', ''
  end
  schedules.wake(s)
end

function schedules.remove(tenant, id)
  local key = rare_key.schedule(tenant, id)
  local values = redis.call('HMGET', key, 'name', 'workflow_id')
  if not values[1] then return end
  redis.call('HDEL', rare_key.schedule_names(tenant), values[1])
  redis.call('ZREM', rare_key.schedule_index(tenant), id)
  redis.call('ZREM', rare_key.schedules_of(tenant, values[2]), id)
  redis.call('ZREM', rare_key.schedules(), tenant .. SEPARATOR .. id)
  redis.call('UNLINK', key)
end

function schedules.of_workflow(tenant, workflow_id)
  return redis.call('ZRANGE', rare_key.schedules_of(tenant, workflow_id), 0, -1)
end

-- Where the arguments go on after the schedules of a document.
function schedules.after(from)
  local place = from + 1
  for _ = 1, tonumber(ARGV[from]) do place = place + 4 + ARGV[place + 3] end
  return place
end

-- Makes the schedules that a workflow's document names those of the workflow. from: in ARGV, a count and for each its id, name,
-- other name, the number of its fields and values, and these.
function schedules.put_of_document(tenant, workflow_id, from)
  local count, place, named = tonumber(ARGV[from]), from + 1, {}
  for _ = 1, count do
    local id, size = ARGV[place], tonumber(ARGV[place + 3])
    local fields = {unpack(ARGV, place + 4, place + 3 + size)}
    named[id] = true
    local spec
    for i = 1, size, 2 do if fields[i] == 'spec' then spec = fields[i + 1] end end
    if redis.call('HGET', rare_key.schedule(tenant, id), 'spec') ~= spec then
      local holder = schedules.put(tenant, id, workflow_id, ARGV[place + 1], ARGV[place + 2], fields)
      if holder then schedules.put(tenant, id, workflow_id, (string.gsub(id, '_', '-')), '', fields) end
    end
    place = place + 4 + size
  end
  for _, id in ipairs(schedules.of_workflow(tenant, workflow_id)) do
    if not named[id] and redis.call('HGET', rare_key.schedule(tenant, id), 'is_declared') == '1' then
      schedules.remove(tenant, id)
    end
  end
end

end

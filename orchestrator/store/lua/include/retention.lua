-- retention: what becomes of an execution once it has ended. Its end puts it into workflows:ended. From there it is folded: its
-- nodes are counted, a part in a call, and added to the statistics of its tenant and day; then it waits in workflows:expiring
-- for its purge. A child is taken off that list: it goes with its root.
-- An execution that is retried counts once: as it ended last, on the day (UTC) on which it ended first.
-- Fields of the runtime:  folded, "DAY STATUS MS [HANDLER TOTAL FAILED] …", what the statistics have of it, STATUS - for nothing;
--   folding, "GENERATION CHUNK [HANDLER TOTAL FAILED] …", chunks of nodes counted so far

-- nodes: looked at in one call, about. packed_events: of the longest history that is packed.
local retention = {nodes = 200, packed_events = 100}

-- The parent of an execution, as long as it is there.
function retention.parent_of(id)
  local parent = string.match(redis.call('HGET', runtime_key(id), 'parent') or '', '^%S+')
  return parent and redis.call('EXISTS', status_key(parent)) == 1 and parent or nil
end

do

local DAY_MS = 86400000
-- Statistics are kept as long as the usage of a day is.
local KEPT_DAYS = 400

-- Takes "HANDLER TOTAL FAILED" apart: {total, failed} by handler.
local function read_counts(text)
  local counts = {}
  for handler, total, failed in string.gmatch(text, '(%S+) (%d+) (%d+)') do counts[handler] = {tonumber(total), tonumber(failed)} end
  return counts
end

local function as_text(counts)
  local words = {}
  for handler, each in pairs(counts) do words[#words + 1] = handler .. ' ' .. string.format('%d %d', each[1], each[2]) end
  table.sort(words)
  return table.concat(words, ' ')
end

-- Counts the nodes of one chunk that ran to an end here. One that a fork has kept ran in its source. Where the static layout is lost
-- none can be counted, and the execution is all the same.
local function count_nodes(x, ids, is_fork, counts)
  if not plans.is_there(x) then return end
  plans.know(x, ids, {'node|'})
  statuses_ahead(x, ids)
  local reused = {}
  if is_fork then
    local names = {}
    for i = 1, #ids do names[i] = 'reused|' .. ids[i] end
    reused = redis.call('HMGET', x.runtime, unpack(names))
  end
  for i = 1, #ids do
    local status, facts = status_of(x, ids[i]), facts_of(x, ids[i])
    if facts and not reused[i] and ids[i] ~= '$output' and (status == 'COMPLETED' or status == 'FAILED') then
      local each = counts[facts.handler] or {0, 0}
      counts[facts.handler] = {each[1] + 1, each[2] + (status == 'FAILED' and 1 or 0)}
    end
  end
end

-- Adds to the statistics of a day, or takes away what an earlier end has added: sign -1.
local function add(changes, sign, status, workflow_id, ms, counts)
  if status == '-' then return end
  local function change(field, by) changes[field] = (changes[field] or 0) + sign * by end
  change('executions|' .. status .. '|' .. workflow_id, 1)
  change('ms|' .. status .. '|' .. workflow_id, ms)
  for handler, each in pairs(counts) do
    change('nodes|' .. handler, each[1])
    change('failed|' .. handler, each[2])
  end
end

local function write(tenant, day, changes)
  -- What has gone by its time must not come back as a part of a day.
  if NOW - day * DAY_MS >= KEPT_DAYS * DAY_MS then return end
  local key = rare_key.statistics(tenant, string.format('%d', day))
  local is_new = false
  for field, by in pairs(changes) do
    -- A field that is new may be the first of its day.
    if by ~= 0 then is_new = redis.call('HINCRBY', key, field, string.format('%d', by)) == by or is_new end
  end
  if is_new then redis.call('PEXPIRE', key, KEPT_DAYS * DAY_MS) end
end

-- A stream takes 4 kB for its first entries and gives nothing back, and as a rule an execution fills less than half of that. A copy
-- takes what there is. Longer histories fill theirs, and to copy them would take too long. Not at the end itself, which is waited for.
local function pack_events(x)
  if x.seq > retention.packed_events then return end
  if redis.call('COPY', x.events, rare_key.packed(x.id), 'REPLACE') == 1 then
    redis.call('RENAME', rare_key.packed(x.id), x.events)
  end
end

-- Folds a part of an execution. Gives the nodes looked at, and whether nothing of it is left to be folded.
function retention.fold(id)
  local first_ms = redis.call('ZSCORE', rare_key.ended(), id)
  if not first_ms then return 0, true end
  local status = redis.call('GET', status_key(id))
  local values = redis.call('HMGET', runtime_key(id), 'v', 'tenant', 'workflow_id', 'forked_from', 'started_ms', 'ended_ms',
    'folded', 'folding', 'ids|0')
  local layout = values[1]
  if not status or not layout then
    redis.call('ZREM', rare_key.ended(), id)
    return 0, true
  end
  -- Nobody can count it any more, and it is to go all the same.
  if tonumber(layout) and tonumber(layout) < tonumber(LAYOUT) then
    redis.call('ZREM', rare_key.ended(), id)
    redis.call('ZADD', rare_key.expiring(), NOW_TEXT, id)
    return 0, true
  end
  local x = open(id)
  local tenant, workflow_id, forked_from, started_ms, ended_ms, folded, folding = unpack(values, 2, 8)
  local day, old_status, old_ms, old_counts = string.match(folded or '', '^(%d+) (%S+) (%d+) ?(.*)$')
  day = tonumber(day) or math.floor(first_ms / DAY_MS)
  if status == 'PENDING' or not may_leave('execution', 'purge_execution', status) then
    -- It was retried before it was counted. Its next end counts, on the day of this one.
    if not folded then redis.call('HSET', x.runtime, 'folded', string.format('%d - 0', day)) end
    redis.call('HDEL', x.runtime, 'folding')
    redis.call('ZREM', rare_key.ended(), id)
    return 0, true
  end
  local generation, chunk, so_far = string.match(folding or '', '^(%d+) (%d+) ?(.*)$')
  if generation ~= x.generation then chunk, so_far = 0, '' end
  local counts, looked_at, line = read_counts(so_far), 0, nil
  chunk = tonumber(chunk)
  repeat
    line = chunk == 0 and values[9] or redis.call('HGET', x.runtime, 'ids|' .. string.format('%d', chunk))
    if line then
      local ids = {}
      for node_id in string.gmatch(line, '%S+') do ids[#ids + 1] = node_id end
      count_nodes(x, ids, forked_from, counts)
      looked_at, chunk = looked_at + #ids, chunk + 1
      -- Only behind a full list there is another.
      if #ids < CHUNK then line = nil end
    end
  until not line or looked_at >= retention.nodes
  local text = as_text(counts)
  if line then
    redis.call('HSET', x.runtime, 'folding', x.generation .. string.format(' %d ', chunk) .. text)
    return looked_at, false
  end
  -- Before anything is added, so that nothing is added twice should it be of another kind. Its end, which has passed, until the loop
  -- knows how long it is kept.
  redis.call('ZADD', rare_key.expiring(), ended_ms or NOW_TEXT, id)
  local changes, ms = {}, started_ms and ended_ms and math.max(0, ended_ms - started_ms) or 0
  if old_status then add(changes, -1, old_status, workflow_id or '-', tonumber(old_ms), read_counts(old_counts)) end
  add(changes, 1, status, workflow_id or '-', ms, counts)
  write(tenant or 'default', day, changes)
  redis.call('HSET', x.runtime, 'folded', string.format('%d %s %d ', day, status, ms) .. text)
  if folding then redis.call('HDEL', x.runtime, 'folding') end
  pack_events(x)
  redis.call('ZREM', rare_key.ended(), id)
  return looked_at, true
end

end

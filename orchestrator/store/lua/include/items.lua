-- items: the turns of a mapped node. It waits while its items run; every end of an item brings the turn "items NODE",
-- which starts what may start and, when nothing is left, queues the node again so that a worker builds its output.
-- "halt NODE WORD FROM" cancels items: what has not started and what waits; with the word kill, what runs as well.
-- "unmake NODE FROM" takes away those of an earlier generation, before a node makes all of them anew.

-- Writes the values of items, from an argument on; the first of them is that of the item `index`.
local function write_values(key, first, index)
  local fields, count = {}, 0
  for i = first, #ARGV do
    fields[count + 1], fields[count + 2] = string.format('v%d', index + i - first), ARGV[i]
    count = count + 2
  end
  in_parts('HSET', fields, key)
end

do

local ITEMS_IN_A_TURN = 100
local UNMADE_IN_A_TURN = 500

-- Ends the wait of a mapped node once no item is live and none will be started.
local function end_map(x, node_id, counts)
  if status_of(x, node_id) ~= 'WAITING' then return end
  if x.cancelling then return cancel_node(x, node_id, 'WAITING') end
  if fields_of(x, 'waiting_on|' .. node_id) ~= 'map' then return end
  -- The claim that evaluated `when` and the items is not a try that the policy of the node counts.
  amend(x, node_id).tries = '0'
  redis.call('HSET', x.runtime, 'resume|' .. node_id,
    string.format('{"total":%d,"failed":%d,"tolerated":%d}', counts[1], counts[4], counts[5]))
  queue_node(x, node_id, 'WAITING', facts_of(x, node_id), '{"cause":"map"}')
end

function TURNS.items(x, node_id)
  local key = items_key(x.id, node_id)
  local values = redis.call('HMGET', key, 'total', 'next', 'live', 'FAILED', 'tolerated', 'stops', 'halted')
  local counts = {}
  for i = 1, 5 do counts[i] = tonumber(values[i] or 0) end
  local total, next_index, live = counts[1], counts[2], counts[3]
  local is_halted = values[7] == '1'
  if not is_halted and (x.cancelling or (values[6] == '1' and counts[4] > counts[5])) then
    redis.call('HSET', key, 'halted', '1')
    push(x, 'halt ' .. node_id .. ' cancel 0')
    return 1
  end
  -- A count that was lost, and since then only counted down, says nothing: the sweep counts from scratch.
  if not values[3] or live < 0 then return 1 end
  if is_halted or next_index >= total then
    if live == 0 then end_map(x, node_id, counts) end
    return 1
  end
  if x.paused then
    hold(x, node_id)
    return 1
  end
  local facts = facts_of(x, node_id)
  local most = facts.map or 1
  local room = math.max(1, math.min(ITEMS_IN_A_TURN, most - live))
  local first, last = next_index, math.min(total, next_index + room) - 1
  local fields = {}
  for i = next_index, last do fields[#fields + 1] = 's' .. i end
  local statuses = redis.call('HMGET', key, unpack(fields))
  local started = 0
  while next_index <= last and live + started < most do
    local status = statuses[next_index - first + 1]
    -- Before the one to be started next, what failed or was cancelled did so in an earlier generation.
    if not status or status == 'FAILED' or status == 'CANCELLED' then
      local unit = node_id .. '[' .. next_index .. ']'
      -- One without a status may have had a namesake, in a list of which a retry has taken everything away.
      local had_namesake = not status and state_of(x, unit).attempt ~= '0'
      if status or had_namesake then
        revive(x, unit)
        forget_tries(x, unit)
        forget_end(x, unit)
      end
      if had_namesake then
        redis.call('HDEL', x.runtime, 'child|' .. unit)
        journal.forget(x, unit)
      end
      queue_node(x, unit, 'PENDING', facts, '{}')
      started = started + 1
    end
    next_index = next_index + 1
  end
  redis.call('HSET', key, 'next', next_index, 'live', live + started)
  if next_index > last and (next_index >= total or live + started < most) then push(x, 'items ' .. node_id) end
  return started + 1
end

-- Takes some items of a node that will be made anew off the list of the dead; after the last of them nothing is left of the
-- items but their records, so that the attempt numbers of those to come go on.
function TURNS.unmake(x, rest)
  local node_id, from = string.match(rest, '^(%S+) (%d+)$')
  local key, dead = items_key(x.id, node_id), rare_key.dead(tenant_of(x))
  local total, first = tonumber(redis.call('HGET', key, 'total') or 0), tonumber(from)
  local following = math.min(total, first + UNMADE_IN_A_TURN)
  local fields, listed, entries = {}, {}, {}
  for i = first, following - 1 do fields[#fields + 1] = string.format('dead|%s[%d]', node_id, i) end
  for i, entry in ipairs(fields[1] and redis.call('HMGET', x.runtime, unpack(fields)) or {}) do
    if entry then listed[#listed + 1], entries[#entries + 1] = fields[i], entry end
  end
  if entries[1] then
    in_parts('XDEL', entries, dead)
    in_parts('HDEL', listed, x.runtime)
  end
  if following < total then
    push_first(x, string.format('unmake %s %d', node_id, following))
  else
    redis.call('UNLINK', key)
  end
  return 75
end

-- Whether a node has items that must be taken away before it is made anew; the turn that does it then comes first.
function must_unmake(x, node_id, item)
  if redis.call('EXISTS', items_key(x.id, node_id)) == 0 then return false end
  push_first(x, item)
  push_first(x, 'unmake ' .. node_id .. ' 0')
  return true
end

function TURNS.halt(x, rest)
  local node_id, word, from = string.match(rest, '^(%S+) (%S+) (%d+)$')
  local key = items_key(x.id, node_id)
  local values = redis.call('HMGET', key, 'total', 'next')
  local total, next_index, first = tonumber(values[1] or 0), tonumber(values[2] or 0), tonumber(from)
  local last = math.min(total, first + ITEMS_IN_A_TURN) - 1
  local fields = {}
  for i = first, last do fields[#fields + 1] = 's' .. i end
  local statuses = #fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}
  local never = {}
  for i = first, last do
    local status = statuses[i - first + 1]
    if i >= next_index then
      if status ~= 'COMPLETED' and status ~= 'SKIPPED' then
        never[#never + 1] = 's' .. i
        never[#never + 1] = 'CANCELLED'
      end
    elseif may_leave('node', 'cancel_node', status) and (word == 'kill' or status ~= 'RUNNING') then
      cancel_node(x, node_id .. '[' .. i .. ']', status, word == 'kill')
    end
  end
  if #never > 0 then redis.call('HSET', key, unpack(never)) end
  if last + 1 < total then
    push(x, 'halt ' .. node_id .. ' ' .. word .. ' ' .. (last + 1))
  else
    push(x, 'items ' .. node_id)
  end
  return #fields + 1
end

end

-- writes: what a call writes at its end, together, beside the state of executions (state.lua): leases, and messages to be
-- taken off. They come last. A call that fails writes them all the same, as far as it has come: an attempt whose end has
-- counted at its successors must be known to have ended when the call is sent again.

local in_parts, begin_writes, acknowledge, flush_acks, free_lease, lease, lease_count, flush_leases

do

-- A command with many values, so many at a time as Lua can pass on; of a list from one on, where that is not the first.
function in_parts(command, values, key, from)
  if not from and not values[401] and key then return values[1] and redis.call(command, key, unpack(values)) end
  local count = #values
  for i = from or 1, count, 400 do
    local last = math.min(i + 399, count)
    if key then redis.call(command, key, unpack(values, i, last)) else redis.call(command, unpack(values, i, last)) end
  end
end

-- ACKS: message ids by stream. FREED, LEASED: members of the leases that go, and those that come, each after its score.
-- They are used again by later calls, most of which leave them empty.
local ACKS, FREED, LEASED, HAS_ACKS = {}, {}, {}, false

-- Nothing is written of what a call has left that was ended on the way.
function begin_writes()
  if HAS_ACKS then ACKS, HAS_ACKS = {}, false end
  if FREED[1] then FREED = {} end
  if LEASED[1] then LEASED = {} end
end

function acknowledge(stream, message_id)
  HAS_ACKS = true
  local ids = ACKS[stream]
  if ids then ids[#ids + 1] = message_id else ACKS[stream] = {message_id} end
end

-- Deleting entries here, and nowhere else, keeps every entry of a stream live.
function flush_acks()
  for stream, ids in pairs(ACKS) do
    for i = 1, #ids, 400 do
      redis.call('XACK', stream, GROUP, unpack(ids, i, math.min(i + 399, #ids)))
      redis.call('XDEL', stream, unpack(ids, i, math.min(i + 399, #ids)))
    end
    ACKS[stream] = nil
  end
end

function free_lease(member) FREED[#FREED + 1] = member end

function lease(member, due_ms)
  local count = #LEASED
  LEASED[count + 1], LEASED[count + 2] = string.format('%d', due_ms), member
end

-- How many leases there are by now.
function lease_count() return redis.call('ZCARD', leases_key()) - #FREED + #LEASED / 2 end

function flush_leases()
  if FREED[1] then
    in_parts('ZREM', FREED, leases_key())
    FREED = {}
  end
  if LEASED[1] then
    in_parts('ZADD', LEASED, leases_key())
    LEASED = {}
  end
end

end

-- writes: what a call writes at its end, together: statuses and outputs of nodes, leases, and messages to be taken off.
-- State comes first, messages and leases last. A call that fails writes them all the same, as far as it has come: an attempt
-- whose end has counted at its successors must be known to have ended when the call is sent again.

local begin_writes, read, size_of, write, flush_writes, erase, acknowledge
local flush_acks, free_lease, lease, lease_count, flush_leases

do

-- WRITES: keys and values in turn; PLACES: where the value of a key stands. ACKS: message ids by stream.
-- FREED, LEASED: members of the leases that go, and those that come, each after its score.
local WRITES, PLACES, WRITTEN, ACKS, FREED, LEASED

function begin_writes() WRITES, PLACES, WRITTEN, ACKS, FREED, LEASED = {}, {}, 0, {}, {}, {} end

-- The value a key has by now; false when it has none.
function read(key)
  local place = PLACES[key]
  if place then return WRITES[place] end
  return redis.call('GET', key)
end

-- Bytes of the value a key has by now.
function size_of(key)
  local place = PLACES[key]
  return place and #WRITES[place] or redis.call('STRLEN', key)
end

function write(key, value)
  local place = PLACES[key]
  if place then
    WRITES[place] = value
    return
  end
  WRITES[WRITTEN + 1], WRITES[WRITTEN + 2] = key, value
  WRITTEN = WRITTEN + 2
  PLACES[key] = WRITTEN
end

function flush_writes()
  for i = 1, WRITTEN, 400 do redis.call('MSET', unpack(WRITES, i, math.min(i + 399, WRITTEN))) end
  if WRITTEN > 0 then WRITES, PLACES, WRITTEN = {}, {}, 0 end
end

-- Deletes keys that may have been written in this call.
function erase(...)
  flush_writes()
  redis.call('DEL', ...)
end

function acknowledge(stream, message_id)
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
  LEASED[count + 1], LEASED[count + 2] = due_ms, member
end

-- How many leases there are by now.
function lease_count() return redis.call('ZCARD', leases_key()) - #FREED + #LEASED / 2 end

function flush_leases()
  for i = 1, #FREED, 400 do redis.call('ZREM', leases_key(), unpack(FREED, i, math.min(i + 399, #FREED))) end
  for i = 1, #LEASED, 400 do redis.call('ZADD', leases_key(), unpack(LEASED, i, math.min(i + 399, #LEASED))) end
  if #FREED > 0 then FREED = {} end
  if #LEASED > 0 then LEASED = {} end
end

end

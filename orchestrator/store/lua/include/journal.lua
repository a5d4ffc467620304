-- journal: what a durable handler has written down of its work, a numbered list for each unit. It outlives attempts, and goes with
-- the execution.
-- Fields of the journal hash, which only executions with such a unit have:
--   UNIT|last   number of the newest entry;  UNIT|3, entry 3, JSON
--   UNIT|base   number of the newest entry that a snapshot stands for;  UNIT|snap, the snapshot, JSON
--   UNIT|cut    up to which number entries have been removed: a call removes no more than journal.removed
--   UNIT|bytes  of snapshot and entries, each with journal.weight on top for what Redis keeps beside it

local journal = {weight = 64, removed = 1000}

-- Whether an attempt may write; the first thing that each verb of a journal asks.
function journal.is_open(x, unit, attempt, nonce)
  return x and is_current(x, unit, attempt, nonce) and status_of(x, unit) == 'RUNNING'
end

-- What is counted of a unit: last, base, cut, bytes; 0 for none.
function journal.numbers(x, unit)
  local values = redis.call('HMGET', rare_key.journal(x.id), unit .. '|last', unit .. '|base', unit .. '|cut', unit .. '|bytes')
  return tonumber(values[1] or 0), tonumber(values[2] or 0), tonumber(values[3] or 0), tonumber(values[4] or 0)
end

-- Removes entries that a snapshot stands for, as many as a call may. Says whether some are left, and the
-- bytes of what is.
function journal.cut(x, unit)
  local key = rare_key.journal(x.id)
  local _, base, cut, bytes = journal.numbers(x, unit)
  local last, names = math.min(base, cut + journal.removed), {}
  for number = cut + 1, last do
    local name = string.format('%s|%d', unit, number)
    names[#names + 1] = name
    bytes = bytes - redis.call('HSTRLEN', key, name) - journal.weight
  end
  if not names[1] then return false, bytes end
  in_parts('HDEL', names, key)
  redis.call('HSET', key, unit .. '|cut', last, unit .. '|bytes', string.format('%d', bytes))
  return last < base, bytes
end

-- Lets go of all that a namesake of a unit has written: its entries are removed with the next snapshot.
function journal.forget(x, unit)
  local key = rare_key.journal(x.id)
  if redis.call('EXISTS', key) == 0 then return end
  local last, _, _, bytes = journal.numbers(x, unit)
  local size = redis.call('HSTRLEN', key, unit .. '|snap')
  if last == 0 then return end
  redis.call('HDEL', key, unit .. '|snap')
  if size > 0 then bytes = bytes - size - journal.weight end
  redis.call('HSET', key, unit .. '|base', last, unit .. '|bytes', string.format('%d', bytes))
end

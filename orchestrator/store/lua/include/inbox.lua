-- inbox: letters that were posted to units of an execution, until entries of their journals take them, in order.
-- Fields of the inbox hash, which only executions with letters have:
--   UNIT|last   number of the newest letter;  UNIT|taken, of the newest that was taken: those between them wait
--   UNIT|3      payload of letter 3, JSON, while it waits
--   UNIT|call|KEY  "CALL HASH NUMBER": a request that was taken, the hash of what it carried, its letter
-- Runtime field  waits_for|N  what a parked unit says it waits for, JSON

local inbox = {}

-- Numbers of the newest letter of a unit, and of the newest that was taken.
function inbox.numbers(x, unit)
  local values = redis.call('HMGET', rare_key.inbox(x.id), unit .. '|last', unit .. '|taken')
  return tonumber(values[1] or 0), tonumber(values[2] or 0)
end

-- Why a unit runs again whose oldest letter has this number.
function inbox.cause(letter) return string.format('{"cause":"letter","letter":%d}', letter) end

-- Queues a unit that waits for letters. Expects the caller to have checked that it does.
function inbox.wake(x, unit, letter)
  local facts = facts_of(x, unit)
  detach(x, unit, 'WAITING', facts)
  queue_node(x, unit, 'WAITING', facts, inbox.cause(letter))
end

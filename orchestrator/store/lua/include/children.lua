-- children: executions that a node of another one started. A unit with a child waits for it, unless its facts says that it
-- is detached; the child's end wakes the unit in the same call. What an execution started is listed under its children
-- key, in that order: "CHILD UNIT". An execution and its children share a partition.
-- "close FROM": an execution that ends otherwise than well asks those of its children that still run to end, as the facts of
-- each one's node says: request_cancel (with a grace), terminate (what runs is fenced at once), abandon (nothing).

local grant_grace, request_cancel, is_live, replace_execution, leave_child, wake_parent
-- The next end of the child does not end the wait by itself: a worker is to look at the child again.
local LOOK_AGAIN = '{"again":true}'

do

local CHILDREN_IN_A_TURN = 50
-- For what runs in a child whose parent ends without a grace of its own, ms.
local CHILD_GRACE_MS = 30000

-- Lets what runs go on until due_ms, and cancels what has not started.
function grant_grace(x, due_ms)
  local member = timer_member('cancel_grace', x.id, '', x.generation)
  redis.call('HSET', x.runtime, 'grace_ms', due_ms)
  if due_ms > NOW then
    redis.call('ZADD', timers_key(), due_ms, member)
    push(x, 'cancel 0')
  else
    redis.call('ZREM', timers_key(), member)
    push(x, 'kill 0')
  end
end

-- Begins a cancel that was requested. due_ms: when what still runs is fenced.
function request_cancel(x, reason, request_id, due_ms)
  x.cancelling = 'user'
  set_rare(x, 'cancelling', 'user', 'cancel_reason', reason, 'cancel_request', request_id)
  grant_grace(x, due_ms)
end

function is_live(execution_id)
  return may_leave('execution', 'cancel_execution', redis.call('GET', status_key(execution_id)))
end

-- Ends an execution whose key another one takes; what runs of it is fenced at once. Says whether it has turns left.
function replace_execution(x, execution_id)
  if x.cancelling == 'user' or x.cancelling == 'timeout' then
    push(x, 'kill 0')
  else
    request_cancel(x, '"execution ' .. execution_id .. ' has taken its key"', 'key:' .. execution_id, NOW)
  end
  settle(x)
  return x.more == 1
end

-- Asks a child to end, as the policy of its parent's node says. Its own turns come in this call as far as the budget goes.
-- is_over: the parent ends now, rather than being about to. why: another reason, JSON.
local function close_child(x, child_id, policy, is_over, why)
  if policy == 'abandon' or not is_live(child_id) then return end
  local child = open(child_id)
  if not child then return end
  local is_going = child.cancelling == 'user' or child.cancelling == 'timeout'
  local due_ms = NOW + CHILD_GRACE_MS
  if policy == 'terminate' then
    due_ms = NOW
  elseif x.cancelling == 'user' then
    due_ms = tonumber(redis.call('HGET', x.runtime, 'grace_ms') or NOW)
  elseif x.cancelling == 'fail_fast' and not is_over then
    -- As in the parent: what has not started is cancelled, what runs is not touched.
    if child.cancelling then return end
    child.cancelling = 'fail_fast'
    set_rare(child, 'cancelling', 'fail_fast')
    push(child, 'cancel 0')
    return settle(child)
  end
  if is_going and due_ms > NOW then return end
  if is_going then
    push(child, 'kill 0')
  else
    why = why or '"its parent execution ' .. x.id .. ' is ending"'
    request_cancel(child, why, 'parent:' .. x.id .. ':' .. x.generation, due_ms)
  end
  settle(child)
end

-- Closes the child of a unit that an operator or a time limit has ended: wherever it stood, it may have been about to look
-- at its child again. why: JSON.
function leave_child(x, unit, facts, why)
  local child_id = facts.child and not facts.detached and redis.call('HGET', x.runtime, 'child|' .. unit)
  if child_id then close_child(x, child_id, facts.child, true, why) end
end

-- Called for a unit that waits and is to be cancelled: asks its child to end, and says whether that is all for now, because
-- the unit ends after its child, or has ended with it.
function asks_child(x, unit, facts, is_kill)
  local values = redis.call('HMGET', x.runtime, 'waiting_on|' .. unit, 'child|' .. unit)
  if values[1] ~= 'child' or not values[2] then return false end
  close_child(x, values[2], facts.child, false)
  if status_of(x, unit) ~= 'WAITING' then return true end
  return facts.child == 'request_cancel' and not is_kill and is_live(values[2])
end

-- Queues a unit whose child has ended, for a worker to make its end of the child's.
function wake_parent(x, unit, child_id, status, facts, resume)
  if resume == LOOK_AGAIN then
    redis.call('HDEL', x.runtime, 'resume|' .. unit)
  else
    redis.call('HSET', x.runtime, 'resume|' .. unit, '{"child":"' .. child_id .. '","status":"' .. status .. '"}')
  end
  -- The claim that makes use of it is not another try.
  uncharge(x, unit)
  queue_node(x, unit, 'WAITING', facts, '{"cause":"child","child":"' .. child_id .. '","status":"' .. status .. '"}')
end

-- Whether an execution that is about to end otherwise than well has children it has not asked to end, nor thought of.
function must_close(x)
  if x.children == 0 or not (x.cancelling or x.failed > 0) then return false end
  return redis.call('HGET', x.runtime, 'closed') ~= x.generation
end

function notify_parent(child, status)
  local parent_id, unit = string.match(child.parent, '^(%S+) (%S+)$')
  local x = open(parent_id)
  if not x then return end
  local child_id, on, resume = fields_of(x, 'child|' .. unit, 'waiting_on|' .. unit, 'resume|' .. unit)
  if child_id ~= child.id or on ~= 'child' then return end
  if not may_leave('node', 'wake_parent', status_of(x, unit)) then return end
  wake_parent(x, unit, child.id, status, facts_of(x, unit), resume)
  -- It may be the parent's own turn that has ended the child.
  if not x.is_settling then settle(x) end
end

function TURNS.close(x, from)
  local entries = redis.call('LRANGE', children_key(x.id), from, from + CHILDREN_IN_A_TURN - 1)
  for _, entry in ipairs(entries) do
    local child_id, unit = string.match(entry, '^(%S+) (%S+)$')
    close_child(x, child_id, facts_of(x, unit).child, true)
  end
  -- Set once all have been asked: turns that are lost on the way are taken again from the start.
  if #entries < CHILDREN_IN_A_TURN then
    redis.call('HSET', x.runtime, 'closed', x.generation)
  else
    push(x, 'close ' .. string.format('%d', from + CHILDREN_IN_A_TURN))
  end
  return 2 * #entries
end

end

-- Parks a unit until its child ends.
local function park_on_child(x, unit, attempt, child_id)
  move(x, unit, 'WAITING')
  redis.call('HSET', x.runtime, 'waiting_on|' .. unit, 'child')
  record(x, 'node.waiting', unit, attempt, '{"waiting_on":"child","child":"' .. child_id .. '"}')
end

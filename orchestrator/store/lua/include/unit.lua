-- unit: what a worker runs, a node or one item of a mapped node, and where its state lives. An item is named
-- NODE[INDEX]; `[` cannot occur in ids. Its runtime fields carry that name in the runtime hash, beside those of nodes,
-- so that one read serves both; its status and output are fields of its node's items hash. Plan, spec and references
-- are those of its node.
-- The items hash: s3, o3, v3: status, output, value of item 3;  total, next: number of items, the first not started;
-- live: started and not ended;  COMPLETED, SKIPPED, FAILED: ended so, the last in this generation;
-- tolerated: failures allowed;  stops: '1' starts nothing more beyond them;  halted: '1' nothing is started any more

-- The node and index of an item; the unit itself and nil for a node.
local function item_of(unit)
  if not string.find(unit, '[', 1, true) then return unit end
  return string.match(unit, '^(.+)%[(%d+)%]$')
end

local function status_of(execution_id, unit)
  local node_id, index = item_of(unit)
  if not index then return read(node_key(execution_id, unit)) end
  return redis.call('HGET', items_key(execution_id, node_id), 's' .. index) or nil
end

local function move(x, unit, status)
  local node_id, index = item_of(unit)
  if not index then
    write(node_key(x.id, unit), status)
  else
    redis.call('HSET', items_key(x.id, node_id), 's' .. index, status)
  end
end

local function put_output(x, unit, output)
  local node_id, index = item_of(unit)
  if not index then
    write(output_key(x.id, unit), output)
  else
    redis.call('HSET', items_key(x.id, node_id), 'o' .. index, output)
  end
end

local function output_of(execution_id, unit)
  local node_id, index = item_of(unit)
  if not index then return read(output_key(execution_id, unit)) end
  return redis.call('HGET', items_key(execution_id, node_id), 'o' .. index)
end

-- Whether what has begun of a unit is not to go on: its execution is being cancelled, or its map starts nothing more.
local function is_ending(x, unit)
  if x.cancelling then return true end
  local node_id, index = item_of(unit)
  return index ~= nil and redis.call('HGET', items_key(x.id, node_id), 'halted') == '1'
end

-- A unit that starts over has all its tries, and keeps nothing of those before.
local function forget_tries(x, unit)
  redis.call('HSET', x.runtime, 'tries|' .. unit, 0, 'crashes|' .. unit, 0)
  redis.call('HDEL', x.runtime, 'kept|' .. unit, 'resume|' .. unit, 'unoffered_ms|' .. unit, 'handed_back|' .. unit,
    'close_ms|' .. unit, 'beat|' .. unit, 'counts|' .. unit)
end

-- Lets a node start over. A mapped one goes on with the items it has.
local function start_over(x, node_id, facts)
  forget_tries(x, node_id)
  if facts.map and redis.call('EXISTS', items_key(x.id, node_id)) == 1 then
    redis.call('HSET', x.runtime, 'resume|' .. node_id, '{"again":true}')
  end
end

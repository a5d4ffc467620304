-- unit: what a worker runs, a node or one item of a mapped node, and where its state lives. An item is named
-- NODE[INDEX]; `[` cannot occur in ids. Its runtime fields carry that name in the runtime hash, beside those of nodes,
-- so that one read serves both; its status and output are fields of its node's items hash. Plan, spec and references
-- are those of its node.
-- The items hash: s3, o3, v3: status, output, value of item 3;  total, next: number of items, the first not started;
-- live: started and not ended;  COMPLETED, SKIPPED, FAILED: ended so, the last in this generation;
-- staged: the attempt that writes them, until all are there;  tolerated: failures allowed;  stops: '1' starts nothing more beyond them;  halted: '1' nothing is started any more

local item_of

do

-- Units that are known to be nodes, from call to call: a hop asks a dozen times.
local NODES, NODES_COUNT = {}, 0

-- The node and index of an item; the unit itself and nil for a node.
function item_of(unit)
  if NODES[unit] then return unit end
  if string.find(unit, '[', 1, true) then return string.match(unit, '^(.+)%[(%d+)%]$') end
  if NODES_COUNT == 10000 then NODES, NODES_COUNT = {}, 0 end
  NODES[unit], NODES_COUNT = true, NODES_COUNT + 1
  return unit
end

end

-- The status as it is kept, without what this call has changed.
local function stored_status(execution_id, unit)
  local node_id, index = item_of(unit)
  if not index then return redis.call('GET', node_key(execution_id, unit)) end
  return redis.call('HGET', items_key(execution_id, node_id), 's' .. index)
end

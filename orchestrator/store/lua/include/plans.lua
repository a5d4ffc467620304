-- plans: what a call needs to know of the static layout of a definition: node|N, spec|N, refs|N, item_refs|N, next|N|K, in a key of
-- its own, see layouts.lua. It never changes, so what one call has read of a node, its plan, is kept for all later ones.
-- A plan has each part under what stands before the id in its field's name: nil as long as it is not known, false for none; the facts
-- of a node and its successors are taken apart.

-- plans.of: the plans that are kept of a layout, by node id. plans.know: reads parts of units ahead; parts of their state are left out.
-- plans.is_there: whether the layout can be read. plans.check: fails where it is lost.
-- facts_of: a node's facts; nil for one there is not. next_of: a chunk of its successors. unit_of: see state.lua.
local plans, facts_of, next_of, unit_of = {}, nil, nil, nil

do

-- A node's static facts: handler, queue, trigger rule, dependency count, gate count,
-- critical, schedule_to_start_ms, start_to_close_ms; then, only where a node has them, ` name=value` pairs.
-- Definitions run again and again, so the facts taken apart are kept from call to call, a thousand at most.
local FACTS, FACTS_COUNT = {}, 0

local function parse_facts(text)
  local facts = FACTS[text]
  if facts then return facts end
  local handler, queue, rule, total, gates, critical, start_ms, close_ms, extras =
    string.match(text, '^(%S+) (%S+) (%S+) (%d+) (%d+) (%d) (%d+) (%d+)(.*)$')
  facts = {
    handler = handler, queue = queue, rule = rule, total = tonumber(total), gates = tonumber(gates),
    is_critical = critical == '1', schedule_to_start_ms = tonumber(start_ms), start_to_close_ms = tonumber(close_ms),
  }
  for name, value in string.gmatch(extras, ' ([%w_]+)=(%S+)') do facts[name] = tonumber(value) or value end
  if FACTS_COUNT == 1000 then FACTS, FACTS_COUNT = {}, 0 end
  FACTS[text], FACTS_COUNT = facts, FACTS_COUNT + 1
  return facts
end

-- Plans by digest and node id, kept from call to call. A digest says what the plans are, so none can be out of date; a process
-- that has just started, or has loaded the library again, has none, and reads them.
local PLANS, PLANS_COUNT, PLANS_BYTES = {}, 0, 0
local MOST_PLANS, MOST_PLANS_BYTES = 20000, 16 * 1024 * 1024

function plans.of(digest) return digest and PLANS[digest] or {} end

-- A list of successors, taken apart: ids, and their marks in the same order, '' for none.
local function successors_in(line)
  local list = {ids = {}, marks = {}, has_taker = string.find(line, '!', 1, true), has_branch = string.find(line, '*', 1, true)}
  for id, mark in string.gmatch(line, '([^%s*!=]+)([*!=]?)') do
    list.ids[#list.ids + 1], list.marks[#list.marks + 1] = id, mark
  end
  return list
end

local function set_plan(plan, part, value)
  PLANS_BYTES = PLANS_BYTES + #value
  if part == 'node|' then
    plan[part] = parse_facts(value)
  else
    plan[part] = string.sub(part, 1, 5) == 'next|' and successors_in(value) or value
  end
end

-- Where a static layout is lost nothing of it can be done, and nothing is kept; the sweep makes it of the definition again.
local function fail_without_layout(x)
  error({err = 'ERR the static layout of execution ' .. x.id .. ' is lost: ' .. (x.layout or 'it names none')})
end

function plans.is_there(x)
  return x.layout and redis.call('HEXISTS', rare_key.layout(x.tenant or 'default', x.layout), 'whole') == 1
end

function plans.check(x)
  if not plans.is_there(x) then fail_without_layout(x) end
end

-- Reads fields of plans.
local function read_plans(x, names, holders, parts)
  if not x.layout then fail_without_layout(x) end
  local key = rare_key.layout(x.tenant or 'default', x.layout)
  for from = 1, #names, 500 do
    local to = math.min(from + 499, #names)
    local values = redis.call('HMGET', key, 'whole', unpack(names, from, to))
    if not values[1] then fail_without_layout(x) end
    x.is_rebuilt = values[1] ~= '1'
    for i = from, to do
      local value = values[i - from + 2]
      if value then set_plan(holders[i], parts[i], value) else holders[i][parts[i]] = false end
    end
  end
end

local function own_plan(x, node)
  node.plan = x.plans[node.id] or {}
  return node.plan
end

-- Keeps what was read of a node. What is no node is not kept, and neither is what need not be what its digest says.
local function keep_plan(x, id, plan)
  if x.plans[id] or not plan['node|'] or x.is_rebuilt then return end
  if PLANS_COUNT >= MOST_PLANS or PLANS_BYTES >= MOST_PLANS_BYTES then
    PLANS, PLANS_COUNT, PLANS_BYTES, x.plans = {}, 0, 0, {}
  end
  PLANS[x.layout] = x.plans
  x.plans[id], PLANS_COUNT = plan, PLANS_COUNT + 1
end

function plans.know(x, ids, parts)
  local names, holders, kinds, count = nil, nil, nil, 0
  for i = 1, #ids do
    local unit = x.units[ids[i]] or unit_of(x, ids[i])
    local node = unit.node
    local plan = node.plan or own_plan(x, node)
    for j = 1, #parts do
      local part = parts[j]
      if part == 'refs|' and node ~= unit then part = 'item_refs|' end
      if plan[part] == nil and part ~= 'r|' and part ~= 'c|' then
        plan[part] = false
        -- As a rule all of it is known, and no table is needed.
        if count == 0 then names, holders, kinds = {}, {}, {} end
        count = count + 1
        names[count], holders[count], kinds[count] = part .. node.id, plan, part
        if part == 'next|' then names[count] = names[count] .. '|0' end
      end
    end
  end
  if count == 0 then return end
  -- What cannot be read is not known to be nothing.
  local is_read, fault = pcall(read_plans, x, names, holders, kinds)
  if not is_read then
    for i = 1, count do if holders[i][kinds[i]] == false then holders[i][kinds[i]] = nil end end
    error(fault)
  end
  for i = 1, #ids do
    local node = x.units[ids[i]].node
    keep_plan(x, node.id, node.plan)
  end
end

-- The plan of a unit's node, which has at least the part that is asked for.
local function plan_of(x, id, part)
  local node = (x.units[id] or unit_of(x, id)).node
  local plan = node.plan or own_plan(x, node)
  if plan[part] == nil then plans.know(x, {node.id}, {part}) end
  return plan
end

function facts_of(x, id)
  return plan_of(x, id, 'node|')['node|'] or nil
end

function next_of(x, node_id, chunk)
  if chunk == 0 then return plan_of(x, node_id, 'next|')['next|'] end
  local plan, part = plan_of(x, node_id, 'node|'), 'next|' .. string.format('%d', chunk)
  if plan[part] == nil then read_plans(x, {'next|' .. node_id .. '|' .. string.sub(part, 6)}, {plan}, {part}) end
  return plan[part]
end

end

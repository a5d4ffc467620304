-- Starts the execution of a slot of a schedule, or lets the slot give way to an execution before it; either deals with the slot.
-- (nothing) -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 tenant; 4 schedule id; 5 turn of the schedule that was read; 6 slot, ms; 7 kind: slot, the next one; buffered, the first
--       that waits; backfill; 8 the slot that comes next, or ''; 9 when it is due, or ''; 10 slots before this one that are
--       let go; 11 the revision that the workflow must have; 12 definition, JSON; 13 … the last slice, see include/slices.lua
-- Reply {word, execution id, more}  word: ok; skipped, buffered, as its overlap policy says; waiting, an execution before it still
--       runs; paused, the execution of that id has failed; stale, somebody else has dealt with it; moved, the workflow has
--       another revision by now, or is gone; lost, what was staged has been given up; layout_needed, its static
--       layout is not there; unknown. Refused whole at maxmemory.
-- Event execution.created, execution.started; of an execution that gives way execution.cancelled
local execution_id, tenant, slot, kind = ARGV[2], ARGV[3], ARGV[6], ARGV[7]
local s = schedules.open(tenant, ARGV[4])
if not s then return {'unknown', execution_id, 0} end
local answered = schedules.answer_before(s, execution_id)
if answered then return {answered, execution_id, 0} end
if s.turn ~= ARGV[5] then return {'stale', execution_id, 0} end
if redis.call('HGET', rare_key.registered(tenant, s.workflow_id), 'revision') ~= ARGV[11] then return {'moved', execution_id, 0} end
local lacks = slices.lacks(execution_id, tenant, 13)
if lacks then return {lacks, execution_id, 0} end

local function done(word)
  schedules.save(s, execution_id, word)
  return {word, execution_id, 0}
end

local failed = schedules.look(s)
if failed then
  schedules.save(s, execution_id, 'paused')
  return {'paused', failed, 0}
end
if kind == 'slot' then
  s.next_ms, s.due_ms = ARGV[8], ARGV[9]
  if ARGV[10] ~= '0' then redis.call('HINCRBY', s.key, 'missed', ARGV[10]) end
  local word = schedules.give_way(s, slot, execution_id)
  if word then return done(word) end
elseif kind == 'buffered' then
  if #s.live > 0 then return done('waiting') end
  table.remove(s.buffer, 1)
else
  if #s.backfill_live >= tonumber(s.backfill_most) then return done('waiting') end
  s.backfill_next = ARGV[8]
end

local x = create(execution_id, tenant, ARGV[12], 13)
enlist(x, tenant)
record(x, 'execution.created', '', '', '{"schedule":"' .. s.id .. '"}')
start(x, '', '')
local live = s.live
if kind == 'backfill' then
  live = s.backfill_live
  redis.call('HINCRBY', s.key, 'backfill_runs', 1)
  redis.call('HINCRBY', s.key, 'backfilled', 1)
else
  s.runs = string.format('%d', s.runs + 1)
end
live[#live + 1] = execution_id
if #live > schedules.most_live then table.remove(live, 1) end
redis.call('HSET', s.key, 'last_slot_ms', slot, 'last_execution_id', execution_id, 'last_started_ms', NOW_TEXT, 'last_error', '')
schedules.save(s, execution_id, 'ok')
return {'ok', execution_id, x.more or 0}

-- Starts an execution once, however often it is called.  PENDING -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 inputs, JSON with sorted keys, or '' for none; 4 trigger document, likewise
-- Reply {word, status, more}  word: ok; already; unknown; cancelling, it can never start; inputs_conflict, it was
--       started with other inputs; trigger_conflict, with another trigger document; inputs_needed, its definition has an inputs schema, and no inputs have been checked
-- Event execution.started
local status = redis.call('GET', status_key(ARGV[2]))
local x = status and open(ARGV[2])
if not x then return {'unknown', '', 0} end
local inputs, unchecked, trigger = fields_of(x, 'inputs', 'unchecked', 'trigger')
if not may_leave('execution', 'start_execution', status) then
  if ARGV[3] ~= '' and (inputs or '{}') ~= ARGV[3] then return {'inputs_conflict', status, 0} end
  if ARGV[4] ~= '' and (trigger or BY_HAND) ~= ARGV[4] then return {'trigger_conflict', status, 0} end
  return {'already', status, 0}
end
if x.cancelling then return {'cancelling', status, 0} end
if ARGV[3] == '' and unchecked == '1' then return {'inputs_needed', status, 0} end
start(x, ARGV[3], ARGV[4])
return {'ok', 'RUNNING', x.more}

-- flags: allow-oom
-- Ends a unit by hand, in any open status: a running attempt is fenced, a wait is taken off its list. Successors are
-- decided as after any such end.  PENDING, QUEUED, WAITING, RUNNING -> COMPLETED | FAILED | SKIPPED
-- KEYS  1 runtime of the execution
-- ARGV  3-8 see include/manual.lua; 9 complete, fail or skip; 10 output or error, JSON, or ''; 11 ids of branch targets not
--       taken, space separated; 12 the successor that takes over by its catch, or ''
-- Reply see include/manual.lua
-- Event node.completed, node.failed, node.skipped
local x, it = check_manual('override_node')
if not x then return it end
local unit, word = it.unit, ARGV[9]
detach(x, unit, it.status, it.facts)
-- As a cancel does: the attempt that runs is not the current one any more, so its result will be refused.
if it.status == 'RUNNING' then fence(x, unit, true) end
redis.call('HDEL', x.runtime, 'kept|' .. unit, 'resume|' .. unit)
reset_stream(x, unit, it.attempt)
if word == 'complete' then
  put_output(x, unit, ARGV[10])
  if ARGV[11] ~= '' then redis.call('HSET', x.runtime, 'rejects|' .. unit, ARGV[11]) end
  end_node(x, unit, 'COMPLETED', '', 'node.completed', it.attempt, '{"operator":' .. ARGV[8] .. '}')
elseif word == 'fail' then
  settle_failure(x, unit, it.attempt, it.facts, 'operator', ARGV[10], false, ARGV[12])
else
  end_node(x, unit, 'SKIPPED', 'operator', 'node.skipped', it.attempt, '{"reason":"operator","operator":' .. ARGV[8] .. '}')
end
leave_child(x, unit, it.facts, '"an operator ended the node that waits for it"')
return finish_manual(x, it)

-- flags: allow-oom
-- Records one decision about an approval; a denial ends the wait, and so does the last approval of its quorum.
-- WAITING -> COMPLETED
-- KEYS  1 runtime of the execution
-- ARGV  3 node id; 4 hash of what was shown; 5 approve or deny; 6 by, JSON; 7 digest of by; 8 form, JSON; 9 request key;
--       10 hash of what the request carries; 11 id of this call, new for every one
-- Reply {word, replayed, text, given, more}  word: decided, text is the output; counted, more approvals are needed; conflict,
--       the key was used for another request; voted, that person has approved before; over, it has been decided, text is
--       the output; changed, something else is shown, text is its hash; elsewhere, it awaits no decision, text is its
--       status; unknown. given: approvals so far. replayed: 1 when the request was answered before
-- Event node.completed, node.progress
local node_id = ARGV[3]
local x = redis.call('EXISTS', status_key(ARGV[2])) == 1 and open(ARGV[2])
local status = x and status_of(x, node_id)
if not status then return {'unknown', 0, '', 0, 0} end
local attempt = state_of(x, node_id).attempt
local on, shown, quorum, votes, voters, given = fields_of(x, 'waiting_on|' .. node_id, 'awaits|' .. node_id,
  'quorum|' .. node_id, 'votes|' .. node_id, 'voters|' .. node_id, 'given|' .. node_id)
local output = output_of(x, node_id) or ''
voters, given, quorum = voters or ';', tonumber(given or 0), tonumber(quorum or 1)
for key, hash, call, word in string.gmatch(voters, '[^; ]+ ([^; ]+) ([^; ]+) ([^; ]+) (%a+)') do
  if key == ARGV[9] then
    if hash ~= ARGV[10] then return {'conflict', 0, '', 0, 0} end
    return {word, call == ARGV[11] and 0 or 1, output, given, x.is_listed and 1 or 0}
  end
end
if status == 'COMPLETED' then return {'over', 0, output, given, 0} end
if not may_leave('node', 'decide_approval', status) or on ~= 'approval' or x.cancelling then
  return {'elsewhere', 0, status, 0, 0}
end
if shown ~= ARGV[4] then return {'changed', 0, shown or '', 0, 0} end
if string.find(voters, ';' .. ARGV[7] .. ' ', 1, true) then return {'voted', 0, '', given, 0} end
local vote = '{"decision":"' .. ARGV[5] .. '","by":' .. ARGV[6] .. ',"at":"' .. rfc3339(NOW) .. '","form":' .. ARGV[8] .. '}'
votes = votes and votes .. ',' .. vote or vote
if ARGV[5] == 'approve' then given = given + 1 end
local word = (ARGV[5] == 'deny' or given >= quorum) and 'decided' or 'counted'
redis.call('HSET', x.runtime, 'votes|' .. node_id, votes, 'given|' .. node_id, given, 'voters|' .. node_id,
  voters .. table.concat({ARGV[7], ARGV[9], ARGV[10], ARGV[11], word}, ' ') .. ';')
if word == 'counted' then
  record(x, 'node.progress', node_id, attempt, '{"approvals":' .. given .. ',"quorum":' .. quorum .. ',"by":' .. ARGV[6] .. '}')
  return {word, 0, '', given, 0}
end
output = quorum > 1 and string.sub(vote, 1, -2) .. ',"votes":[' .. votes .. ']}' or vote
end_wait(x, node_id, attempt, 'approval', output, '{"decision":"' .. ARGV[5] .. '","by":' .. ARGV[6] .. '}')
settle(x)
return {word, 0, output, given, x.more}

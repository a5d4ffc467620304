-- flags: allow-oom
-- Appends what a handler logs and reports. Each line has a number that rises within the attempt; a line sent again
-- is dropped, so is everything from an attempt that is not the current one.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 lines allowed for the whole execution; then three for each line: number, event type, data, JSON
-- Reply ok; fenced; full, the execution has used up its lines (said once in its history)
local node_id, attempt = ARGV[3], ARGV[4]
local x = open(ARGV[2], 'attempt|' .. node_id, 'nonce|' .. node_id, 'reported|' .. node_id, 'lines')
if not x or x.fields[1] ~= attempt or x.fields[2] ~= ARGV[5]
  or status_of(x.id, node_id) ~= 'RUNNING' then
  return 'fenced'
end
local of_attempt, newest = string.match(x.fields[3] or '', '^(%d+):(%d+)$')
newest = of_attempt == attempt and tonumber(newest) or 0
local lines, allowed = tonumber(x.fields[4] or 0), tonumber(ARGV[6])
if lines > allowed then return 'full' end
-- Numbers rise, so the last one says whether there is anything new.
if tonumber(ARGV[#ARGV - 2]) <= newest then return 'ok' end
for i = 7, #ARGV, 3 do
  local number = tonumber(ARGV[i])
  if number > newest then
    newest = number
    lines = lines + 1
    if lines <= allowed then
      record(x, ARGV[i + 1], node_id, attempt, ARGV[i + 2])
    elseif lines == allowed + 1 then
      record(x, 'node.log', node_id, attempt,
        '{"level":"warning","message":"further progress and log lines of this execution are not kept"}')
    end
  end
end
redis.call('HSET', x.runtime, 'reported|' .. node_id, attempt .. ':' .. newest, 'lines', lines)
return lines > allowed and 'full' or 'ok'

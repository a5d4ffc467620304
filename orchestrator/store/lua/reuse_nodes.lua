-- Copies status and output of nodes from the source of a fork, while the fork is staged and not yet visible: of all nodes
-- given, or of as many as MOST_BYTES of outputs allow.  PENDING -> COMPLETED, SKIPPED
-- KEYS  1 runtime of the execution
-- ARGV  3 execution it is forked from; 4 count of nodes; then node id and status in pairs; then runtime fields and values in
--       pairs to the end, those of other nodes too
-- Reply {word, nodes done}  word: ok, so many of the nodes are done, the first ones; created, the fork is visible already;
--       changed, a node of the source has another status; lost, a node of the fork is not staged;
--       unknown, the source has been purged. Refused whole at maxmemory.
local MOST_BYTES = 4 * 1024 * 1024
local source, count = ARGV[3], tonumber(ARGV[4])
local fields = 5 + 2 * count
if redis.call('EXISTS', status_key(ARGV[2])) == 1 then return {'created', count} end
if redis.call('EXISTS', status_key(source)) == 0 then return {'unknown', 0} end
for i = 5, fields - 1, 2 do
  local status = redis.call('GET', node_key(ARGV[2], ARGV[i]))
  if status ~= ARGV[i + 1] and not may_leave('node', 'reuse_nodes', status) then return {'lost', 0} end
  if redis.call('GET', node_key(source, ARGV[i])) ~= ARGV[i + 1] then return {'changed', 0} end
end
for i = fields, #ARGV, 400 do redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 399, #ARGV))) end
local done, bytes = 0, 0
for i = 5, fields - 1, 2 do
  local id, status = ARGV[i], ARGV[i + 1]
  local output, copy = output_key(source, id), output_key(ARGV[2], id)
  bytes = bytes + redis.call('STRLEN', output)
  -- The first one always, however large: otherwise a large output would never be done.
  if done > 0 and bytes > MOST_BYTES then break end
  done = done + 1
  if may_leave('node', 'reuse_nodes', redis.call('GET', node_key(ARGV[2], id))) then
    redis.call('COPY', output, copy, 'REPLACE')
    redis.call('SET', node_key(ARGV[2], id), status)
    redis.call('HSET', KEYS[1], 'reused|' .. id, '1', 'r|' .. id, '0 - - 0 0 - - ' .. NOW_TEXT .. ' -')
  end
end
return {'ok', done}

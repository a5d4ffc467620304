-- flags: allow-oom
-- Writes some of the items of a node before map_node parks it on them. Nobody sees them before that.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 index of the first, 7 … their values, JSON, 1,000 at most
-- Reply ok; fenced, another attempt owns the node
local x = open(ARGV[2], {ARGV[3]}, {'r|'})
if not x or not is_current(x, ARGV[3], ARGV[4], ARGV[5]) then return 'fenced' end
local key = items_key(x.id, ARGV[3])
-- Those of another attempt go; those of this one stay, in whatever order they arrive.
if redis.call('HGET', key, 'staged') ~= ARGV[4] then
  redis.call('UNLINK', key)
  redis.call('HSET', key, 'staged', ARGV[4])
end
write_values(key, 7, tonumber(ARGV[6]))
return 'ok'

-- Registers a tenant.
-- KEYS  1 the tenant's hash
-- ARGV  2 '', 3 tenant, 4 title, 5 id of this call, new for every one; 6 idempotency key or '', 7 hash of the request
-- Reply {word, tenant}  word: ok, also for the same call sent again; replayed, the idempotency key made this tenant before;
--       conflict, it was used for another request; taken
local tenant = ARGV[3]
local idempotency = ARGV[6] ~= '' and idempotency_key('default', ARGV[6])
local known = idempotency and redis.call('GET', idempotency)
local calls = redis.call('HGET', KEYS[1], 'calls')
if is_known_call(calls, ARGV[5]) then return {'ok', tenant} end
if known then
  local hash, made = string.match(known, '^(%S+) (%S+)$')
  return {hash == ARGV[7] and 'replayed' or 'conflict', made}
end
if calls or tenant == 'default' then return {'taken', tenant} end
redis.call('HSET', KEYS[1], 'title', ARGV[4], 'created_ms', NOW_TEXT, 'is_active', '1', 'calls',
  with_call(nil, ARGV[5]))
redis.call('ZADD', rare_key.tenants(), NOW_TEXT, tenant)
if idempotency then redis.call('SET', idempotency, ARGV[7] .. ' ' .. tenant, 'PX', 86400000) end
return {'ok', tenant}

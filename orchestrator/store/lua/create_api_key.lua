-- Makes an API key of a tenant, in place of another one where it rotates that: the other one goes on for an overlap.
-- KEYS  1 the key's hash
-- ARGV  2 '', 3 tenant, 4 key id, 5 SHA-256 of the key, 6 name, 7 scopes, parted by blanks, 8 when it expires, ms, or '',
--       9 id of the key it stands in for, or '', 10 ms for which that one is good beside it; 11 idempotency key or '',
--       12 hash of the request, 13 salt that the key was made of
-- Reply {word, key id, salt, created ms}  word: ok, also for the same call sent again; replayed, the idempotency key made this
--       key before, of this salt; conflict, it was used for another request; unknown, there is no such tenant; gone, the key to
--       stand in for does not exist, or this one was revoked meanwhile; full
local tenant, key_id, old_id = ARGV[3], ARGV[4], ARGV[9]
local idempotency = ARGV[11] ~= '' and idempotency_key(tenant, ARGV[11])
local known = idempotency and redis.call('GET', idempotency)
if known then
  local hash, made, salt = string.match(known, '^(%S+) (%S+) (%S+)$')
  local word = made == key_id and 'ok' or hash == ARGV[12] and 'replayed' or 'conflict'
  local created_ms = redis.call('HGET', rare_key.api_key(made), 'created_ms')
  return {created_ms and word or 'gone', made, salt, tonumber(created_ms or 0)}
end
local made = redis.call('HMGET', KEYS[1], 'created_ms', 'revoked_ms')
if made[2] then return {'gone', key_id, '', 0} end
if made[1] then return {'ok', key_id, ARGV[13], tonumber(made[1])} end
if tenant ~= 'default' and redis.call('EXISTS', rare_key.tenant(tenant)) == 0 then return {'unknown', '', '', 0} end
local ids = rare_key.api_keys(tenant)
for _, id in ipairs(redis.call('ZRANGE', ids, 0, -1)) do
  if redis.call('EXISTS', rare_key.api_key(id)) == 0 then redis.call('ZREM', ids, id) end
end
if redis.call('ZCARD', ids) >= 100 then return {'full', '', '', 0} end
local function expire(id, at_ms)
  redis.call('HSET', rare_key.api_key(id), 'expires_ms', at_ms)
  redis.call('PEXPIREAT', rare_key.api_key(id), at_ms)
end
if old_id ~= '' then
  local old = redis.call('HMGET', rare_key.api_key(old_id), 'tenant', 'expires_ms')
  if old[1] ~= tenant then return {'gone', '', '', 0} end
  local until_ms = NOW + tonumber(ARGV[10])
  -- A later rotation gives the end it would have had.
  redis.call('HSETNX', rare_key.api_key(old_id), 'own_expires_ms', old[2] or '')
  if not old[2] or tonumber(old[2]) > until_ms then expire(old_id, string.format('%d', until_ms)) end
end
redis.call('HSET', KEYS[1], 'tenant', tenant, 'digest', ARGV[5], 'name', ARGV[6], 'scopes', ARGV[7], 'created_ms', NOW_TEXT)
if ARGV[8] ~= '' then expire(key_id, ARGV[8]) end
redis.call('ZADD', ids, NOW_TEXT, key_id)
if idempotency then
  redis.call('SET', idempotency, table.concat({ARGV[12], key_id, ARGV[13]}, ' '), 'PX', 86400000)
end
return {'ok', key_id, ARGV[13], NOW}

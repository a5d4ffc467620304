-- layouts: static layouts, each one hash for all executions of a tenant whose definitions have the same content, named by a
-- digest of it. Its executions are counted, those that are staged too; since when one has none is listed, and the sweep removes it
-- after an hour. Whoever writes the same one at the same time writes the same.
-- As arguments, at a place: digest; count of fields and values, and these, which are all of it; 0 where it should be there.

local layouts = {}

do

local function row_of(tenant, digest) return tenant .. ':' .. digest end

-- Where the arguments go on.
function layouts.after(at) return at + 2 + ARGV[at + 1] end

function layouts.is_there(tenant, digest) return redis.call('HGET', rare_key.layout(tenant, digest), 'whole') == '1' end

-- Whether it is there, or brought by the call.
function layouts.is_known(tenant, at) return ARGV[at + 1] ~= '0' or layouts.is_there(tenant, ARGV[at]) end

-- Writes fields of one, from an argument to another. Whoever is about to count an execution there has an hour for it.
function layouts.write(tenant, digest, first, last)
  for i = first, last, 400 do
    redis.call('HSET', rare_key.layout(tenant, digest), unpack(ARGV, i, math.min(i + 399, last)))
  end
  if not redis.call('HGET', rare_key.layouts(), row_of(tenant, digest)) then
    redis.call('ZADD', rare_key.unused_layouts(), NOW_TEXT, row_of(tenant, digest))
  end
end

-- Counts an execution, and writes the layout where it is not there and the call brings it.
function layouts.hold(tenant, at)
  local digest = ARGV[at]
  if ARGV[at + 1] ~= '0' and not layouts.is_there(tenant, digest) then
    layouts.write(tenant, digest, at + 2, layouts.after(at) - 1)
    redis.call('HSET', rare_key.layout(tenant, digest), 'whole', '1')
  end
  if redis.call('HINCRBY', rare_key.layouts(), row_of(tenant, digest), 1) == 1 then
    redis.call('ZREM', rare_key.unused_layouts(), row_of(tenant, digest))
  end
end

-- Counts an execution no more. One of an older layout has never counted.
function layouts.let_go(tenant, digest)
  local count = digest and redis.call('HGET', rare_key.layouts(), row_of(tenant, digest))
  -- A count that was lost says nothing of how many there are.
  if not count then return end
  if tonumber(count) > 1 then return redis.call('HINCRBY', rare_key.layouts(), row_of(tenant, digest), -1) end
  redis.call('HDEL', rare_key.layouts(), row_of(tenant, digest))
  redis.call('ZADD', rare_key.unused_layouts(), NOW_TEXT, row_of(tenant, digest))
end

-- Removes one that has had no execution for so long. Says whether it is gone.
function layouts.drop(tenant, digest, age_ms)
  local row = row_of(tenant, digest)
  local since_ms = tonumber(redis.call('ZSCORE', rare_key.unused_layouts(), row) or '')
  if not since_ms then return redis.call('EXISTS', rare_key.layout(tenant, digest)) == 0 end
  if since_ms + age_ms > NOW then return false end
  redis.call('ZREM', rare_key.unused_layouts(), row)
  if redis.call('HEXISTS', rare_key.layouts(), row) == 1 then return false end
  redis.call('UNLINK', rare_key.layout(tenant, digest))
  return true
end

end

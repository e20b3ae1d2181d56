-- Claims of the queue's stream: which this store has drawn. A copy of the store knows those that were drawn before it was
-- made and none since. 'look': whether the store drew a claim. 'draw': adds one. 'renew': the
-- store calls itself otherwise from now on, unless it does already.
local act = take()
local claims = PREFIX .. 'claims'
if act == 'look' then
  return { 'ok', redis.call('ZSCORE', claims, take()) and 1 or 0 }
end
if act == 'draw' then
  local claim, most = take(), tonumber(take())
  redis.call('ZADD', claims, digits(clock()), claim)
  local surplus = redis.call('ZCARD', claims) - most
  if surplus > 0 then
    for _, old in ipairs(redis.call('ZRANGE', claims, 0, surplus - 1)) do
      redis.call('ZREM', claims, old)
    end
  end
  return { 'ok' }
end
local known, offered = take(), take()
if redis.call('GET', PREFIX .. 'id') == known then
  redis.call('SET', PREFIX .. 'id', offered)
  redis.call('UNLINK', claims)
end
return { 'ok', redis.call('GET', PREFIX .. 'id') }

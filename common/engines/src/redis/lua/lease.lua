-- The right to coordinate a scan: take, view, renew, release. The epoch grows by one whenever it is given out.
local act, id = take(), take()
local scan = PREFIX .. 'scan:' .. id
if act == 'take' or act == 'view' then
  local found = redis.call('HMGET', scan, 'epoch', 'holder', 'lease_until_us')
  if not found[1] then
    return { 'no scan' }
  end
  local now = clock()
  if found[2] and tonumber(found[3]) > now then
    return { 'held', tonumber(found[1]), found[2], tonumber(found[3]) - now }
  end
  if act == 'view' then
    return { 'free', tonumber(found[1]) }
  end
  local holder, ttl = take(), take()
  redis.call('HSET', scan, 'holder', holder, 'lease_until_us', digits(now + tonumber(ttl)))
  return { 'taken', redis.call('HINCRBY', scan, 'epoch', 1) }
end

local epoch, holder = take(), take()
local refused = refusal(scan, epoch, holder)
if act == 'release' then
  -- Giving back what is somebody else's by now is no error.
  if not refused then
    redis.call('HDEL', scan, 'holder', 'lease_until_us')
  end
  return { 'ok' }
end
if refused then
  return refused
end
-- Also after its time, as long as nobody else took it: the epoch says so.
redis.call('HSET', scan, 'lease_until_us', digits(clock() + tonumber(take())))
return { 'ok' }

-- What is known of one scan: its state, its stamp, its manifest, its deliveries, what is missing, the coordinator's own requests.
local what, id = take(), take()
local scan = PREFIX .. 'scan:' .. id
local found = redis.call('HMGET', scan, 'state', 'frozen', 'seq', 'created_us')
if not found[1] then
  return { 'no scan' }
end
if what == 'stamp' then
  return { 'ok', stamp_of(found[3], found[4]) }
end
if what == 'state' then
  return { 'ok', found[1] }
end
if what == 'requests' then
  return { 'ok', redis.call('HGETALL', scan .. ':requests') }
end
if what == 'counted' then
  return { 'ok', redis.call('HGET', scan, 'counted') or '0' }
end
if what == 'manifest' then
  return { 'ok', redis.call('GET', scan .. ':manifest') }
end
-- "Nothing is missing" must not be the answer where nothing was planned yet.
if not found[2] then
  return { 'no manifest' }
end
if what == 'missing' then
  return { 'ok', redis.call('ZRANGE', scan .. ':missing', 0, -1) }
end
return { 'ok', redis.call('ZCARD', scan .. ':missing') }

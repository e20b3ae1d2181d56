-- Freezes a manifest once. Without a body (the caller's is no good) it only says what is there.
local id, epoch, holder, body = take(), take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local refused = refusal(scan, epoch, holder)
if refused then
  return refused
end
if redis.call('HEXISTS', scan, 'frozen') == 1 then
  return { 'frozen', redis.call('GET', scan .. ':manifest') }
end
if body == '' then
  return { 'free' }
end
redis.call('SET', scan .. ':manifest', body)
for place = 0, #ARGV - taken - 1 do
  local ticker = take()
  redis.call('ZADD', scan .. ':places', place, ticker)
  redis.call('ZADD', scan .. ':missing', place, ticker)
end
redis.call('HSET', scan, 'frozen', '1', 'state', 'publishing')
return { 'written' }

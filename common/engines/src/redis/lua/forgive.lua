-- Takes a counted delivery back.
local id, stamp, ticker = take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local found = redis.call('HMGET', scan, 'state', 'seq', 'created_us')
if not found[1] or RANK[found[1]] >= RANK.sealed or (stamp ~= '' and stamp ~= stamp_of(found[2], found[3])) then
  return { 'nothing' }
end
local counted = tonumber(redis.call('HGET', scan .. ':attempts', ticker) or '0')
if counted > 0 and redis.call('ZSCORE', scan .. ':missing', ticker) then
  redis.call('HINCRBY', scan .. ':attempts', ticker, -1)
  redis.call('HINCRBY', scan, 'counted', -1)
end
return { 'forgiven' }

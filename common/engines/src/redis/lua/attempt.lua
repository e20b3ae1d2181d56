-- Counts one delivery of a task ('count'), or takes a counted one back ('forgive').
local act, id, ticker = take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local state = redis.call('HGET', scan, 'state')
if not state then
  return { 'unknown' }
end
local sealed = RANK[state] >= RANK.sealed
if sealed or not redis.call('ZSCORE', scan .. ':missing', ticker) then
  if not redis.call('ZSCORE', scan .. ':places', ticker) then
    return { 'unknown' }
  end
  return { sealed and 'sealed' or 'done' }
end
if act == 'count' then
  redis.call('HINCRBY', scan, 'counted', 1)
  return { 'run', redis.call('HINCRBY', scan .. ':attempts', ticker, 1) }
end
if tonumber(redis.call('HGET', scan .. ':attempts', ticker) or '0') > 0 then
  redis.call('HINCRBY', scan .. ':attempts', ticker, -1)
  redis.call('HINCRBY', scan, 'counted', -1)
end
return { 'forgiven' }

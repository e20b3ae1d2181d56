-- What a delivery begins with: counts it, and answers its number and the live trades on its ticker (a page of them).
-- Counted before anything else is done, so that a ticker that breaks its worker is found out.
local id, stamp, ticker, most = take(), take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local found = redis.call('HMGET', scan, 'state', 'seq', 'created_us')
local state = found[1]
if not state then
  return { 'unknown' }
end
if stamp ~= '' and stamp ~= stamp_of(found[2], found[3]) then
  return { 'made anew' }
end
local sealed = RANK[state] >= RANK.sealed
if sealed or not redis.call('ZSCORE', scan .. ':missing', ticker) then
  if not redis.call('ZSCORE', scan .. ':places', ticker) then
    return { 'unknown' }
  end
  return { sealed and 'sealed' or 'done' }
end
redis.call('HINCRBY', scan, 'counted', 1)
local attempt = redis.call('HINCRBY', scan .. ':attempts', ticker, 1)
local live = redis.call('ZRANGE', PREFIX .. 'trades:live:' .. ticker, 0, most - 1)
for i, trade in ipairs(live) do
  live[i] = record(trade)
end
return { 'run', attempt, live }

-- A page of a scan's places: how many there are in it, who sealed the scan, and for each place with an outcome the
-- ticker, the body (none: it was sealed) and the attempts.
local id, first, last = take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
if redis.call('EXISTS', scan) == 0 then
  return { 'no scan' }
end
local tickers = redis.call('ZRANGE', scan .. ':places', first, last)
local rows = {}
if #tickers > 0 then
  local bodies = redis.call('HMGET', scan .. ':outcomes', unpack(tickers))
  for i, ticker in ipairs(tickers) do
    if bodies[i] then
      rows[#rows + 1] = { ticker, bodies[i] }
    elseif redis.call('ZSCORE', scan .. ':sealed', ticker) then
      rows[#rows + 1] = { ticker, false, redis.call('HGET', scan .. ':attempts', ticker) }
    end
  end
end
return { 'ok', #tickers, redis.call('HGET', scan, 'sealed_by'), rows }

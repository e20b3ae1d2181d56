-- A page of scans, newest first, older than a seq ('+inf': the first page).
local before, page = take(), take()
local rows = {}
for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', PREFIX .. 'scans', '(' .. before, '-inf', 'LIMIT', 0, page)) do
  local scan = PREFIX .. 'scan:' .. id
  local found = redis.call('HMGET', scan, 'seq', 'state', 'created_us')
  rows[#rows + 1] = {
    id, found[1], found[2], found[3],
    redis.call('ZCARD', scan .. ':places'),
    redis.call('HLEN', scan .. ':outcomes') + redis.call('ZCARD', scan .. ':sealed'),
  }
end
return { 'ok', rows }

-- A page of scans, newest first, older than a seq ('+inf': the first page); with 'unfinished' only those of the page that
-- have a manifest and are not done. Answers the seq to go on before (none: all were looked at).
local which, before, page = take(), take(), tonumber(take())
local ids = redis.call('ZREVRANGEBYSCORE', PREFIX .. 'scans', '(' .. before, '-inf', 'LIMIT', 0, page)
local rows, seq = {}, false
for _, id in ipairs(ids) do
  local scan = PREFIX .. 'scan:' .. id
  local found = redis.call('HMGET', scan, 'seq', 'state', 'created_us')
  seq = found[1]
  if which == '' or (found[2] ~= 'init' and found[2] ~= 'done') then
    rows[#rows + 1] = {
      id, found[2], found[3],
      redis.call('ZCARD', scan .. ':places'),
      redis.call('HLEN', scan .. ':outcomes') + redis.call('ZCARD', scan .. ':sealed'),
    }
  end
end
return { 'ok', #ids == page and seq, rows }

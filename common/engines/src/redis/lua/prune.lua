-- One step of retention: looks at a page of scans after a seq and deletes the first of them that is over. Answers how
-- many it deleted and the seq to go on after (none: all were looked at).
local before_us, after, page = tonumber(take()), take(), take()
local now = clock()
local ids = redis.call('ZRANGEBYSCORE', PREFIX .. 'scans', '(' .. after, '+inf', 'LIMIT', 0, page)
local seq = false
for _, id in ipairs(ids) do
  local scan = PREFIX .. 'scan:' .. id
  local found = redis.call('HMGET', scan, 'seq', 'state', 'created_us', 'holder', 'lease_until_us', 'frozen')
  seq = found[1]
  local held = found[4] and tonumber(found[5]) > now
  local over = found[2] == 'done' or (found[2] == 'init' and not found[6])
  if tonumber(found[3]) < before_us and not held and over then
    withdraw(id)
    for _, ticker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'explanations', '-' .. seq, '-' .. seq)) do
      redis.call('UNLINK', PREFIX .. 'explanation:' .. ticker)
      redis.call('ZREM', PREFIX .. 'explanations', ticker)
    end
    for _, part in ipairs({ 'manifest', 'places', 'missing', 'sealed', 'attempts', 'outcomes', 'requests' }) do
      redis.call('UNLINK', scan .. ':' .. part)
    end
    redis.call('UNLINK', scan)
    redis.call('ZREM', PREFIX .. 'scans', id)
    return { 'ok', 1, seq }
  end
end
return { 'ok', 0, seq }

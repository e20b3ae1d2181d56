-- Closes a scan: what is missing is sealed as such. Keeps the explanations of the newest scans only.
local id, epoch, holder, kept = take(), take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local refused = refusal(scan, epoch, holder)
if refused then
  return refused
end
local found = redis.call('HMGET', scan, 'state', 'frozen')
if not found[2] then
  return { 'no manifest' }
end
if RANK[found[1]] < RANK.sealed then
  if redis.call('EXISTS', scan .. ':missing') == 1 then
    redis.call('RENAME', scan .. ':missing', scan .. ':sealed')
  end
  redis.call('HSET', scan, 'state', 'sealed', 'sealed_by', holder)
  for _, ticker in ipairs(redis.call('ZRANGE', PREFIX .. 'explanations', kept, -1)) do
    redis.call('UNLINK', PREFIX .. 'explanation:' .. ticker)
    redis.call('ZREM', PREFIX .. 'explanations', ticker)
  end
end
return { 'ok', redis.call('ZRANGE', scan .. ':sealed', 0, -1) }

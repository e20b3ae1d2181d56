-- Moves a scan forward; never past the freezing or the sealing, which have scripts of their own.
local id, epoch, holder, to = take(), take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local refused = refusal(scan, epoch, holder)
if refused then
  return refused
end
local found = redis.call('HMGET', scan, 'state', 'frozen')
if RANK[to] <= RANK[found[1]] then
  return { 'ok' }
end
if not found[2] then
  return { 'no manifest' }
end
if RANK[to] >= RANK.sealed and RANK[found[1]] < RANK.sealed then
  return { 'not sealed' }
end
redis.call('HSET', scan, 'state', to)
return { 'ok' }

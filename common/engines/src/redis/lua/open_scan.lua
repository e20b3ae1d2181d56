-- Creates a scan, or says what is there.
local id, config_hash = take(), take()
local scan = PREFIX .. 'scan:' .. id
local found = redis.call('HMGET', scan, 'state', 'config_hash')
if found[1] then
  if found[2] == config_hash then
    return { 'existing', found[1] }
  end
  return { 'differs', found[2] }
end
local seq = redis.call('INCR', PREFIX .. 'scans:seq')
redis.call(
  'HSET', scan,
  'seq', seq, 'state', 'init', 'config_hash', config_hash, 'created_us', digits(clock()), 'epoch', '0'
)
redis.call('ZADD', PREFIX .. 'scans', seq, id)
return { 'created' }

-- Rows about gateways: 'all' of them (names and bodies in no order), the one of a name, or 'swap' one that is as it is
-- expected to be. An empty body stands for none.
local act, rows = take(), PREFIX .. 'gateways'
if act == 'all' then
  return { 'ok', redis.call('HGETALL', rows) }
end
local name = take()
local found = redis.call('HGET', rows, name)
if act == 'get' then
  return { 'ok', found }
end
local from, to = take(), take()
local present = found or ''
if present ~= to then
  if present ~= from then
    return { 'other' }
  end
  if to == '' then
    redis.call('HDEL', rows, name)
  else
    redis.call('HSET', rows, name, to)
  end
end
return { 'ok' }

-- Which workers are there: check 'in', check 'out', or 'list' them.
local act = take()
local names, seen, bodies = PREFIX .. 'workers', PREFIX .. 'workers:seen', PREFIX .. 'workers:body'
local now = clock()

local function forget(name)
  redis.call('ZREM', names, name)
  redis.call('HDEL', seen, name)
  redis.call('HDEL', bodies, name)
end

if act == 'list' then
  local rows = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', names, '(' .. digits(now), '+inf')) do
    rows[#rows + 1] = { now - tonumber(redis.call('HGET', seen, name)), redis.call('HGET', bodies, name) }
  end
  return { 'ok', rows }
end
local name = take()
if act == 'out' then
  forget(name)
  return { 'ok' }
end
-- Whoever says something clears away those that do not.
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', names, '-inf', digits(now))) do
  forget(silent)
end
local body, lasts = take(), tonumber(take())
redis.call('ZADD', names, digits(now + lasts), name)
redis.call('HSET', seen, name, digits(now))
redis.call('HSET', bodies, name, body)
return { 'ok' }

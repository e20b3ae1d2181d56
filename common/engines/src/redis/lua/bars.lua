-- Daily bars of a session: 'read' an instrument's, or 'keep' them and forget earlier sessions.
local act, session, instrument = take(), take(), take()
local bars = PREFIX .. 'bars'
if act == 'read' then
  return { 'ok', redis.call('HGET', bars .. ':' .. session, instrument) }
end
local body, most = take(), tonumber(take())
local known = redis.call('ZRANGE', bars, 0, -1)
local kept = 0
-- The first series of a session clears those of all earlier ones. Dates are compared as text: ISO dates of four-digit
-- years sort by time.
local first = redis.call('EXISTS', bars .. ':' .. session) == 0
for _, day in ipairs(known) do
  if first and day < session then
    redis.call('UNLINK', bars .. ':' .. day)
    redis.call('ZREM', bars, day)
  else
    kept = kept + redis.call('HLEN', bars .. ':' .. day)
    if day <= session then
      kept = kept - redis.call('HEXISTS', bars .. ':' .. day, instrument)
    end
  end
end
-- Written before anything is taken away, so that a server without memory refuses it.
if kept < most then
  redis.call('HSET', bars .. ':' .. session, instrument, body)
  redis.call('ZADD', bars, 0, session)
end
for _, day in ipairs(known) do
  if day < session or (day == session and kept >= most) then
    redis.call('HDEL', bars .. ':' .. day, instrument)
    if redis.call('EXISTS', bars .. ':' .. day) == 0 then
      redis.call('ZREM', bars, day)
    end
  end
end
return { 'ok' }

-- Daily bars of a session: 'read' an instrument's, or its 'earlier' ones, or 'keep' them and forget earlier sessions.
-- Dates are compared as text: ISO dates of four-digit years sort by time, and so does the set of known days.
local act, session, instrument = take(), take(), take()
local bars = PREFIX .. 'bars'
if act == 'read' then
  return { 'ok', redis.call('HGET', bars .. ':' .. session, instrument) }
end
local known = redis.call('ZRANGE', bars, 0, -1)
if act == 'earlier' then
  for at = #known, 1, -1 do
    local body = known[at] < session and redis.call('HGET', bars .. ':' .. known[at], instrument)
    if body then
      return { 'ok', body, known[at] }
    end
  end
  return { 'ok', false }
end
local body, most = take(), tonumber(take())
-- The first series of a session clears those of all sessions before the newest earlier one.
local oldest = ''
if redis.call('EXISTS', bars .. ':' .. session) == 0 then
  for _, day in ipairs(known) do
    if day < session then
      oldest = day
    end
  end
end
-- Of all that stays, and of that without earlier sessions.
local kept, later = 0, 0
for _, day in ipairs(known) do
  if day >= oldest then
    local held = redis.call('HLEN', bars .. ':' .. day)
    if day <= session then
      held = held - redis.call('HEXISTS', bars .. ':' .. day, instrument)
    end
    kept = kept + held
    if day >= session then
      later = later + held
    end
  end
end
-- Written before anything is taken away, so that a server without memory refuses it.
if later < most then
  redis.call('HSET', bars .. ':' .. session, instrument, body)
  redis.call('ZADD', bars, 0, session)
end
for _, day in ipairs(known) do
  if day < session and (day < oldest or kept >= most) then
    redis.call('UNLINK', bars .. ':' .. day)
    redis.call('ZREM', bars, day)
  elseif day < session or (day == session and later >= most) then
    redis.call('HDEL', bars .. ':' .. day, instrument)
    if redis.call('EXISTS', bars .. ':' .. day) == 0 then
      redis.call('ZREM', bars, day)
    end
  end
end
return { 'ok' }

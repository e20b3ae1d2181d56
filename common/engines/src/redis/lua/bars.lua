-- Daily bars of a session: 'read' an instrument's, or 'keep' them and forget earlier sessions.
local act, session, instrument = take(), take(), take()
local bars = PREFIX .. 'bars'
if act == 'read' then
  return { 'ok', redis.call('HGET', bars .. ':' .. session, instrument) }
end
local body, most = take(), tonumber(take())
local first = redis.call('EXISTS', bars .. ':' .. session) == 0
local kept = 0
-- Dates are compared as text: ISO dates of four-digit years sort by time.
for _, known in ipairs(redis.call('ZRANGE', bars, 0, -1)) do
  local series = bars .. ':' .. known
  if known < session and first then
    redis.call('UNLINK', series)
  elseif known <= session then
    redis.call('HDEL', series, instrument)
  end
  local left = redis.call('HLEN', series)
  if left == 0 then
    redis.call('ZREM', bars, known)
  end
  kept = kept + left
end
if kept < most then
  redis.call('HSET', bars .. ':' .. session, instrument, body)
  redis.call('ZADD', bars, 0, session)
end
return { 'ok' }

-- A page of trades of an index that fit a filter (an empty argument: anything fits), after a trade. Looks at a bounded
-- number of them. Answers the trade to go on after (none: all were looked at), and the records.
local name, state, scan, underlying, live, session, controls = take(), take(), take(), take(), take(), take(), take()
local after_us, after, most, looks = take(), take(), tonumber(take()), tonumber(take())
local key = PREFIX .. name
local start = 0
if after ~= '' then
  -- A trade that left the index meanwhile: on with the next older signal, and those of the same instant again.
  local rank = redis.call('ZRANK', key, after)
  start = rank and rank + 1 or redis.call('ZCOUNT', key, '-inf', '(' .. digits(-tonumber(after_us)))
end
local ids = redis.call('ZRANGE', key, start, start + looks - 1)
local rows = {}
for i, id in ipairs(ids) do
  local found = redis.call(
    'HMGET', PREFIX .. 'trade:' .. id,
    'state', 'scan', 'underlying', 'session', 'control', 'signalled_us'
  )
  local fits = (state == '' and found[1] ~= 'proposed' or found[1] == state)
    and (scan == '' or found[2] == scan)
    and (underlying == '' or found[3] == underlying)
    and (live == '' or LIVE[found[1]])
    and (session == '' or found[4] == session)
    and (controls == '1' or found[5] == '0')
  if fits then
    rows[#rows + 1] = record(id)
  end
  if #rows >= most or (i == looks and #ids == looks) then
    return { 'ok', id, found[6], rows }
  end
end
return { 'ok', false, false, rows }

-- One ticker's outcome and all that comes with it; the first writer wins. Order: marks (of trades live until now),
-- transitions with their notices, then proposals, so that a trade that lapses or is sold makes room for a new one on
-- the same contract; then the explanations and the summary.
local id, stamp, ticker, outcome, explanation = take(), take(), take(), take(), take()
local session, as_of_us, summary, most_summaries = take(), take(), take(), tonumber(take())
local scan = PREFIX .. 'scan:' .. id
local found = redis.call('HMGET', scan, 'state', 'seq', 'created_us')
if not found[1] then
  return { 'no scan' }
end
if stamp ~= '' and stamp ~= stamp_of(found[2], found[3]) then
  return { 'made anew' }
end
-- Once a scan is sealed nothing is missing: what was is kept elsewhere.
if not redis.call('ZSCORE', scan .. ':missing', ticker) then
  if not redis.call('ZSCORE', scan .. ':places', ticker) then
    return { 'no ticker' }
  end
  return { RANK[found[1]] >= RANK.sealed and 'late' or 'duplicate' }
end
-- A server without memory refuses a script's first write, if that is one that needs memory, and none after it.
redis.call('HSET', scan .. ':outcomes', ticker, outcome)
redis.call('ZREM', scan .. ':missing', ticker)

for _ = 1, tonumber(take()) do
  local trade, at_us, body = PREFIX .. 'trade:' .. ARGV[taken + 1], ARGV[taken + 2], ARGV[taken + 3]
  local marks = PREFIX .. 'marks:' .. ARGV[taken + 1]
  taken = taken + 3
  local known = redis.call('HMGET', trade, 'state', 'marked_us')
  local newest = not known[2] or tonumber(known[2]) < tonumber(at_us)
  -- One mark an instant, the first.
  if LIVE[known[1]] and (newest or redis.call('ZCOUNT', marks, at_us, at_us) == 0) then
    redis.call('ZADD', marks, at_us, body)
    if newest then
      redis.call('HSET', trade, 'last_mark', body, 'marked_us', at_us)
    end
  end
end

for _ = 1, tonumber(take()) do
  local trade = find_trade(take())
  local from, to, field, body = take(), take(), take(), take()
  local key, notice, perishes = take(), take(), take()
  if trade and trade.state == from then
    if field ~= '' then
      redis.call('HSET', trade.key, field, body)
    end
    move(trade, to)
    if key ~= '' then
      tell(id, trade, key, notice, perishes)
    end
  end
end

for _ = 1, tonumber(take()) do
  local trade = { id = take(), strategy = take(), symbol = take(), underlying = take(), signalled_us = take() }
  local control, ignored, session, tell_until_us, body = take(), take(), take(), take(), take()
  local known = find_trade(trade.id)
  -- One that is more than proposed, or whose strategy has a live trade in its contract, is left as it is.
  if not (known and known.state ~= 'proposed') and not has_live(trade) then
    if known then
      unindex(known, proposals_of(known.scan))
      -- That a person ignores it outlives the scan that proposed it first.
      if known.ignored == '1' then
        ignored = '1'
      end
    end
    redis.call(
      'HSET', PREFIX .. 'trade:' .. trade.id,
      'body', body, 'state', 'proposed', 'scan', id, 'strategy', trade.strategy, 'symbol', trade.symbol,
      'underlying', trade.underlying, 'control', control, 'ignored', ignored, 'signalled_us', trade.signalled_us,
      'session', session, 'tell_until_us', tell_until_us
    )
    index(trade, proposals_of(id))
  end
end

-- A scan explains a ticker once: what is listed already is of another scan, an older one (a higher score) or a newer one.
if explanation ~= '' and redis.call('ZADD', PREFIX .. 'explanations', 'LT', 'CH', '-' .. found[2], ticker) == 1 then
  redis.call('HSET', PREFIX .. 'explanation:' .. ticker, 'scan', id, 'seq', found[2], 'body', explanation)
end
if summary ~= '' then
  local summaries = PREFIX .. 'summaries:' .. ticker
  local known = redis.call('HGET', summaries, session)
  -- A body begins with its version; then comes its instant.
  if not known or struct.unpack('>i8', known, 2) <= tonumber(as_of_us) then
    redis.call('HSET', summaries, session, summary)
  end
  if redis.call('HLEN', summaries) > most_summaries then
    local days = {}
    local found = redis.call('HGETALL', summaries)
    for at = 1, #found, 2 do
      days[#days + 1] = found[at]
    end
    table.sort(days)
    for at = 1, #days - most_summaries do
      redis.call('HDEL', summaries, days[at])
    end
  end
end
return { 'committed' }

-- A trade is a hash: its body as it was proposed, never changed; what may change of it (state, ignored, fill, exit,
-- last_mark with marked_us, confirmation) beside it; and what is looked up (scan strategy symbol underlying control signalled_us
-- session tell_until_us). Indices are zsets of ids by -signalled_us: newest signal first, then by id.
--
--   trades:proposed, scan:<id>:proposed                                            what is only proposed
--   trades:settled, trades:scan:<id>, trades:underlying:<ticker>, trades:session:<date>   everything else
--   trades:live, trades:live:<ticker>                                              of those, pending and open ones
--   live-underlyings (zset, all scores 0), live (hash, underlying|strategy|symbol -> id)

local LIVE = { pending = true, open = true }

local function find_trade(id)
  local names = { 'state', 'scan', 'strategy', 'symbol', 'underlying', 'session', 'signalled_us', 'ignored', 'tell_until_us' }
  local values = redis.call('HMGET', PREFIX .. 'trade:' .. id, unpack(names))
  if not values[1] then
    return nil
  end
  local trade = { id = id, key = PREFIX .. 'trade:' .. id }
  for i, name in ipairs(names) do
    trade[name] = values[i]
  end
  return trade
end

local function slot(trade)
  return trade.underlying .. '|' .. trade.strategy .. '|' .. trade.symbol
end

local function has_live(trade)
  return redis.call('HEXISTS', PREFIX .. 'live', slot(trade)) == 1
end

local function index(trade, names)
  local score = digits(-tonumber(trade.signalled_us))
  for _, name in ipairs(names) do
    redis.call('ZADD', PREFIX .. name, score, trade.id)
  end
end

local function unindex(trade, names)
  for _, name in ipairs(names) do
    redis.call('ZREM', PREFIX .. name, trade.id)
  end
end

local function proposals_of(scan)
  return { 'trades:proposed', 'scan:' .. scan .. ':proposed' }
end

-- Gives a trade another state and keeps the indices with it.
local function move(trade, to)
  redis.call('HSET', trade.key, 'state', to)
  if trade.state == 'proposed' and to ~= 'proposed' then
    unindex(trade, proposals_of(trade.scan))
    index(trade, {
      'trades:settled',
      'trades:scan:' .. trade.scan,
      'trades:underlying:' .. trade.underlying,
      'trades:session:' .. trade.session,
    })
  end
  local live = { 'trades:live', 'trades:live:' .. trade.underlying }
  if LIVE[to] and not LIVE[trade.state] then
    index(trade, live)
    redis.call('HSET', PREFIX .. 'live', slot(trade), trade.id)
    redis.call('ZADD', PREFIX .. 'live-underlyings', 0, trade.underlying)
  elseif LIVE[trade.state] and not LIVE[to] then
    unindex(trade, live)
    redis.call('HDEL', PREFIX .. 'live', slot(trade))
    if redis.call('EXISTS', PREFIX .. live[2]) == 0 then
      redis.call('ZREM', PREFIX .. 'live-underlyings', trade.underlying)
    end
  end
  trade.state = to
end

-- What a scan still proposes is gone.
local function withdraw(scan)
  for _, id in ipairs(redis.call('ZRANGE', PREFIX .. 'scan:' .. scan .. ':proposed', 0, -1)) do
    redis.call('UNLINK', PREFIX .. 'trade:' .. id)
    redis.call('ZREM', PREFIX .. 'trades:proposed', id)
  end
  redis.call('UNLINK', PREFIX .. 'scan:' .. scan .. ':proposed')
end

-- Puts a notice into the outbox, unless one with its key is there or was sent, or its trade is ignored. `perishes`
-- is '1' for one that makes no sense after its trade's validity.
local function tell(scan, trade, key, body, perishes)
  local notice = PREFIX .. 'notice:' .. key
  if trade.ignored == '1' or redis.call('EXISTS', notice) == 1 then
    return
  end
  local seq = redis.call('INCR', PREFIX .. 'outbox:seq')
  redis.call('HSET', notice, 'seq', seq, 'body', body, 'trade', trade.id, 'scan', scan, 'sent', '0', 'claimed_until_us', '0')
  if perishes == '1' then
    redis.call('HSET', notice, 'expires_us', trade.tell_until_us)
    redis.call('ZADD', PREFIX .. 'outbox:perishing', trade.tell_until_us, key)
  end
  redis.call('ZADD', PREFIX .. 'outbox', seq, key)
  redis.call('ZADD', PREFIX .. 'outbox:unsent', seq, key)
end

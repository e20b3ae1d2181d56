-- Carries out the decision about a sealed scan's proposed trades.
local id, epoch, holder, basis = take(), take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local refused = refusal(scan, epoch, holder)
if refused then
  return refused
end
local rank = RANK[redis.call('HGET', scan, 'state')]
if rank > RANK.sealed then
  return { 'ok' }
end
if rank < RANK.sealed then
  return { 'not sealed' }
end
if (redis.call('GET', PREFIX .. 'portfolio') or '0') ~= basis then
  return { 'another portfolio' }
end

local function proposed(trade)
  return trade and trade.state == 'proposed' and trade.scan == id
end

for _ = 1, tonumber(take()) do
  local trade = find_trade(take())
  if proposed(trade) and not has_live(trade) then
    move(trade, 'pending')
  end
end
for _ = 1, tonumber(take()) do
  local trade = find_trade(take())
  if proposed(trade) then
    move(trade, 'capped')
  end
end
withdraw(id)
for _ = 1, tonumber(take()) do
  local trade = find_trade(take())
  local key, body, perishes = take(), take(), take()
  if trade and trade.scan == id and trade.state == 'pending' then
    tell(id, trade, key, body, perishes)
  end
end
redis.call('INCR', PREFIX .. 'portfolio')
redis.call('HSET', scan, 'state', 'alerting')
return { 'ok' }

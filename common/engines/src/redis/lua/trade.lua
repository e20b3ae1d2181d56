-- One trade: 'read' it with its marks, 'ignore' it, or 'close' it.
local act, id = take(), take()
local trade = find_trade(id)
if not trade then
  return { 'no trade' }
end
if act == 'read' then
  return { 'ok', record(id), redis.call('ZRANGE', PREFIX .. 'marks:' .. id, 0, -1) }
end
if act == 'close' then
  if trade.state ~= 'open' then
    return { 'not open', trade.state }
  end
  redis.call('HSET', trade.key, 'exit', take())
  move(trade, 'closed')
  return { 'ok', record(id) }
end
redis.call('HSET', trade.key, 'ignored', '1')
-- Notices nobody has claimed yet go with it; one that is claimed may be on its way already.
local now = clock()
for i = taken + 1, #ARGV do
  local notice = PREFIX .. 'notice:' .. ARGV[i]
  local found = redis.call('HMGET', notice, 'sent', 'claimed_until_us')
  if found[1] == '0' and tonumber(found[2]) <= now then
    forget_notice(ARGV[i])
  end
end
return { 'ok', record(id) }

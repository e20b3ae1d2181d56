-- One notice: 'confirm' that it was sent, or 'release' the caller's claim on it.
local act, key = take(), take()
local notice = PREFIX .. 'notice:' .. key
local found = redis.call('HMGET', notice, 'seq', 'sent', 'holder', 'trade')
if not found[1] then
  return { 'no notice' }
end
if act == 'confirm' then
  redis.call('HSET', notice, 'sent', '1', 'claimed_until_us', '0')
  redis.call('HDEL', notice, 'holder')
  redis.call('ZREM', PREFIX .. 'outbox:unsent', key)
  redis.call('ZREM', PREFIX .. 'outbox:perishing', key)
  redis.call('ZADD', PREFIX .. 'outbox:sent', found[1], key)
  return { 'ok' }
end
-- A claim that somebody else holds by now, and a notice that was sent, stay as they are.
if found[2] == '0' and found[3] == take() then
  if redis.call('HGET', PREFIX .. 'trade:' .. found[4], 'ignored') == '1' then
    forget_notice(key)
  else
    redis.call('HSET', notice, 'claimed_until_us', '0')
    redis.call('HDEL', notice, 'holder')
  end
end
return { 'ok' }

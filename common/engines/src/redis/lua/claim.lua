-- Drops unclaimed notices that are too late, then claims unsent, unclaimed ones, oldest first.
local holder, most, lasts, as_of_us = take(), tonumber(take()), tonumber(take()), tonumber(take())
local now = clock()
local rows = {}
for _, key in ipairs(redis.call('ZRANGE', PREFIX .. 'outbox:unsent', 0, -1)) do
  local notice = PREFIX .. 'notice:' .. key
  local found = redis.call('HMGET', notice, 'claimed_until_us', 'expires_us')
  -- One that is claimed may be on its way.
  if tonumber(found[1]) <= now then
    if found[2] and tonumber(found[2]) < as_of_us then
      redis.call('UNLINK', notice)
      redis.call('ZREM', PREFIX .. 'outbox', key)
      redis.call('ZREM', PREFIX .. 'outbox:unsent', key)
    elseif #rows < most then
      redis.call('HSET', notice, 'holder', holder, 'claimed_until_us', digits(now + lasts))
      rows[#rows + 1] = { key, redis.call('HGET', notice, 'body') }
    end
  end
end
return { 'ok', rows }

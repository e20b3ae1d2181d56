-- Drops unclaimed notices that are too late, then claims unsent, unclaimed ones, oldest first. Looks at what it drops and
-- claims and at what is claimed now, however much waits behind.
local holder, most, lasts, as_of_us = take(), tonumber(take()), tonumber(take()), tonumber(take())
local now = clock()

-- Whether a notice is too late and nobody is sending it: one that is claimed may be on its way.
local function is_over(claimed_until_us, expires_us)
  return expires_us and tonumber(expires_us) < as_of_us and tonumber(claimed_until_us) <= now
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'outbox:perishing', '-inf', '(' .. digits(as_of_us))) do
  local found = redis.call('HMGET', PREFIX .. 'notice:' .. key, 'claimed_until_us', 'expires_us', 'sent')
  if found[3] ~= '0' then
    -- A program that knows schema 1 only sent or dropped it.
    redis.call('ZREM', PREFIX .. 'outbox:perishing', key)
  elseif is_over(found[1], found[2]) then
    forget_notice(key)
  end
end

local rows = {}
local start, page = 0, math.max(most, 16)
-- Each round looks at later notices; what it drops leaves the list.
while #rows < most do
  local keys = redis.call('ZRANGE', PREFIX .. 'outbox:unsent', start, start + page - 1)
  for _, key in ipairs(keys) do
    local notice = PREFIX .. 'notice:' .. key
    local found = redis.call('HMGET', notice, 'claimed_until_us', 'expires_us', 'body')
    if is_over(found[1], found[2]) then
      -- One that a program wrote which knows schema 1 only.
      forget_notice(key)
    else
      start = start + 1
      if tonumber(found[1]) <= now and #rows < most then
        redis.call('HSET', notice, 'holder', holder, 'claimed_until_us', digits(now + lasts))
        rows[#rows + 1] = { key, found[3] }
      end
    end
  end
  if #keys < page then
    break
  end
end
return { 'ok', rows }

-- Whose keys these are, and whether this user may do all that the other scripts do: a script that is refused half way
-- leaves half of its writes. Brings an older layout to the present one, and gives a new store its id (the one that is
-- offered). Answers the id, or a layout that is not known, or the commands that are refused.
local key = PREFIX .. 'probe'
local refused = {}

-- What a command of this user's is refused for: 'keys', 'command', or nothing. (Redis 7.0 words it otherwise than 7.2.)
local function refusal_of(answer)
  local wrong = type(answer) == 'table' and answer.err
  if not wrong then
    return nil
  end
  if string.find(wrong, 'NOPERM', 1, true) or string.find(wrong, 'The user executing the script', 1, true) then
    return string.find(wrong, 'access', 1, true) and 'keys' or 'command'
  end
end

local schema = redis.pcall('GET', PREFIX .. 'schema')
if refusal_of(schema) == 'keys' then
  return { 'keys' }
end
local found, known = tonumber(schema or '0'), tonumber(ARGV[3])
if type(schema) == 'string' and not (found and found >= 1 and found <= known and schema == digits(found)) then
  return { 'schema', schema }
end
-- The first write takes memory: a full server refuses a script's first write, if that is one that takes memory, and none
-- after it. It also takes away whatever a probe that was cut short left.
for _, command in ipairs({
  { 'SET', key, '1' }, { 'GET', key }, { 'EXISTS', key }, { 'INCR', key }, { 'UNLINK', key },
  { 'HSET', key, 'a', '1' }, { 'HGET', key, 'a' }, { 'HMGET', key, 'a' }, { 'HGETALL', key }, { 'HEXISTS', key, 'a' },
  { 'HLEN', key }, { 'HINCRBY', key, 'a', 1 }, { 'HDEL', key, 'a' }, { 'UNLINK', key },
  { 'ZADD', key, 1, 'a' }, { 'ZADD', key, 'LT', 'CH', 2, 'a' }, { 'ZRANGE', key, 0, -1 }, { 'ZRANGEBYSCORE', key, 0, 1 }, { 'ZREVRANGEBYSCORE', key, 1, 0 },
  { 'ZSCORE', key, 'a' }, { 'ZRANK', key, 'a' }, { 'ZCARD', key }, { 'ZCOUNT', key, 0, 1 },
  { 'RENAME', key, key .. ':renamed' }, { 'ZREM', key .. ':renamed', 'a' }, { 'TIME' },
}) do
  local answer = redis.pcall(unpack(command))
  local why = refusal_of(answer)
  if why == 'keys' then
    return { 'keys' }
  end
  if why and refused[#refused] ~= command[1] then
    refused[#refused + 1] = command[1]
  elseif not why and command[3] == 'LT' and type(answer) == 'table' and answer.err then
    return { 'old' }
  elseif not why and type(answer) == 'table' and answer.err and #refused == 0 then
    -- Read-only, no memory: said as it is. (After a refusal the next commands may find the probe as it should not be.)
    return redis.error_reply(answer.err)
  end
end
if #refused > 0 then
  return { 'refused', refused }
end
-- Schemas 3 and 4 have one kind of keys more each, and nothing to bring along.
if found == 1 then
  -- Schema 2 finds notices that are too late by their time.
  for _, unsent in ipairs(redis.call('ZRANGE', PREFIX .. 'outbox:unsent', 0, -1)) do
    local expires_us = redis.call('HGET', PREFIX .. 'notice:' .. unsent, 'expires_us')
    if expires_us then
      redis.call('ZADD', PREFIX .. 'outbox:perishing', expires_us, unsent)
    end
  end
end
redis.call('SET', PREFIX .. 'schema', ARGV[3])
if redis.call('EXISTS', PREFIX .. 'id') == 0 then
  redis.call('SET', PREFIX .. 'id', ARGV[4])
end
return { 'ok', redis.call('GET', PREFIX .. 'id') }

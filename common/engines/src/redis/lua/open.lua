-- Whose keys these are, and whether this user may do all that the other scripts do: a script that is refused half way
-- leaves half of its writes. Answers the version of the layout, and the commands that are refused.
local schema = redis.call('GET', PREFIX .. 'schema')
if schema and schema ~= ARGV[3] then
  return { 'schema', schema }
end
local key = PREFIX .. 'probe'
local refused = {}
for _, command in ipairs({
  { 'UNLINK', key }, { 'SET', key, '1' }, { 'GET', key }, { 'EXISTS', key }, { 'INCR', key }, { 'UNLINK', key },
  { 'HSET', key, 'a', '1' }, { 'HGET', key, 'a' }, { 'HMGET', key, 'a' }, { 'HGETALL', key }, { 'HEXISTS', key, 'a' },
  { 'HLEN', key }, { 'HINCRBY', key, 'a', 1 }, { 'HDEL', key, 'a' }, { 'UNLINK', key },
  { 'ZADD', key, 1, 'a' }, { 'ZRANGE', key, 0, -1 }, { 'ZRANGEBYSCORE', key, 0, 1 }, { 'ZREVRANGEBYSCORE', key, 1, 0 },
  { 'ZSCORE', key, 'a' }, { 'ZRANK', key, 'a' }, { 'ZCARD', key }, { 'ZCOUNT', key, 0, 1 },
  { 'RENAME', key, key .. ':renamed' }, { 'ZREM', key .. ':renamed', 'a' }, { 'TIME' },
}) do
  local answer = redis.pcall(unpack(command))
  local wrong = type(answer) == 'table' and answer.err
  if wrong and string.find(wrong, 'NOPERM', 1, true) then
    if string.find(wrong, 'access', 1, true) then
      return { 'keys' }
    end
    refused[#refused + 1] = command[1]
  elseif wrong and #refused == 0 then
    -- Read-only, no memory: said as it is. (After a refusal the next commands may find the probe as it should not be.)
    return redis.error_reply(wrong)
  end
end
if #refused > 0 then
  return { 'refused', refused }
end
redis.call('SET', PREFIX .. 'schema', ARGV[3])
return { 'ok' }

-- Takes a notice that will not be sent out of everything.
local function forget_notice(key)
  redis.call('UNLINK', PREFIX .. 'notice:' .. key)
  for _, part in ipairs({ 'outbox', 'outbox:unsent', 'outbox:perishing' }) do
    redis.call('ZREM', PREFIX .. part, key)
  end
end

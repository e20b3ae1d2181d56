-- A trade as Rust puts it together again.
local function record(id)
  local parts = { 'body', 'state', 'ignored', 'fill', 'exit', 'last_mark', 'confirmation' }
  return redis.call('HMGET', PREFIX .. 'trade:' .. id, unpack(parts))
end

-- A page of all notices after a seq, oldest first; or how many are not sent ('unsent').
if take() == 'unsent' then
  return { 'ok', redis.call('ZCARD', PREFIX .. 'outbox:unsent') }
end
local after, page = take(), take()
local rows = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'outbox', '(' .. after, '+inf', 'LIMIT', 0, page)) do
  rows[#rows + 1] = redis.call('HMGET', PREFIX .. 'notice:' .. key, 'seq', 'body', 'sent')
end
return { 'ok', rows }

-- Deletes sent notices of scans that are gone, looking at a page of them after a seq: a notice may have been sent after
-- its scan was pruned. Answers the seq to go on after (none: all were looked at).
local after, page = take(), take()
local seq = false
for _, key in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'outbox:sent', '(' .. after, '+inf', 'LIMIT', 0, page)) do
  local notice = PREFIX .. 'notice:' .. key
  local found = redis.call('HMGET', notice, 'seq', 'scan')
  seq = found[1]
  if redis.call('EXISTS', PREFIX .. 'scan:' .. found[2]) == 0 then
    redis.call('UNLINK', notice)
    redis.call('ZREM', PREFIX .. 'outbox', key)
    redis.call('ZREM', PREFIX .. 'outbox:sent', key)
  end
end
return { 'ok', seq }

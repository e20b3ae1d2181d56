-- The newest committed explanation of a ticker.
local found = redis.call('HMGET', PREFIX .. 'explanation:' .. take(), 'scan', 'body')
return { 'ok', found[1], found[2] }

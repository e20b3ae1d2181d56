-- What an underlying's chains came to: sessions and bodies in no order.
return { 'ok', redis.call('HGETALL', PREFIX .. 'summaries:' .. take()) }

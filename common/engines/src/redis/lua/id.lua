-- What this store calls itself (nothing: it was emptied, and is to be opened).
return { 'ok', redis.call('GET', PREFIX .. 'id') }

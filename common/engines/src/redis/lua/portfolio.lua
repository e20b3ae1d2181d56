-- Settlements so far, and the underlyings of live trades in order.
return { 'ok', redis.call('GET', PREFIX .. 'portfolio'), redis.call('ZRANGE', PREFIX .. 'live-underlyings', 0, -1) }

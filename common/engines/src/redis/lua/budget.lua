-- Request budgets: the arithmetic of crate::budget, on whole microseconds; `draw`, `block`, and `stands`.
local function state(vendor)
  return redis.call('HMGET', PREFIX .. 'budget:' .. vendor, 'next_us', 'blocked_until_us')
end

local function keep(vendor, next_us, blocked_until_us)
  redis.call(
    'HSET', PREFIX .. 'budget:' .. vendor,
    'next_us', digits(next_us), 'blocked_until_us', digits(blocked_until_us)
  )
end

local act = take()
local now = clock()
if act == 'stands' then
  local rows = {}
  for i = taken + 1, #ARGV do
    local found = state(ARGV[i])
    if found[1] then
      rows[#rows + 1] = { ARGV[i], tonumber(found[1]) - now, tonumber(found[2]) - now }
    end
  end
  return { 'ok', rows }
end

local vendor = take()
local found = state(vendor)
local next_us, blocked_until_us = tonumber(found[1] or '0'), tonumber(found[2] or '0')
if act == 'block' then
  keep(vendor, next_us, math.max(blocked_until_us, now + tonumber(take())))
  return { 'ok' }
end

local step, horizon, one_second, want, max_block =
  tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())
blocked_until_us = math.min(blocked_until_us, now + max_block)
local start = math.max(math.min(next_us, now + horizon + step), now)
local lead = start - now
if blocked_until_us > now then
  keep(vendor, start, blocked_until_us)
  return { 'blocked', blocked_until_us - now }
end
if lead > horizon then
  keep(vendor, start, blocked_until_us)
  return { 'blocked', math.max(lead - horizon, 1000) }
end
local permits = math.min(math.max(want, 1), 1 + math.floor((horizon - lead) / step), one_second)
keep(vendor, start + permits * step, blocked_until_us)
return { 'granted', permits, lead }

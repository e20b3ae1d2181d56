-- Adds to the coordinator's own requests.
local id, epoch, holder = take(), take(), take()
local scan = PREFIX .. 'scan:' .. id
local refused = refusal(scan, epoch, holder)
if refused then
  return refused
end
for _ = 1, tonumber(take()) do
  redis.call('HINCRBY', scan .. ':requests', ARGV[taken + 1], ARGV[taken + 2])
  taken = taken + 2
end
return { 'ok' }

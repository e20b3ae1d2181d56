-- Stands before every script. ARGV[1]: the prefix of all keys; ARGV[2]: the time, in tests that have a clock of their
-- own, else empty; the script's own arguments follow and are taken in order.
--
-- Bodies are those of fleet_core::wire and are never looked into (but for a summary's instant, which has its place
-- there): what is looked up stands beside them, written in the same step. Instants (…_us) are microseconds since 1970, below 2^53, so that Lua's numbers hold them exactly; a
-- number becomes text by `digits` only (Lua's own way keeps 14 digits).
--
--   schema                              version of this layout
--   id                                  what this store calls itself: drawn when it is first opened
--   claims                    zset      claims of the queue's stream that it drew, by instant
--   scans                     zset      scan by seq (order of creation)      scans:seq  the last seq
--   scan:<id>                 hash      seq state config_hash created_us epoch [holder lease_until_us] [frozen] [sealed_by] [counted]
--   scan:<id>:manifest        string    body
--   scan:<id>:places          zset      every planned ticker by its place
--   scan:<id>:missing         zset      those without an outcome
--   scan:<id>:sealed          zset      those the deadline came first for
--   scan:<id>:attempts        hash      ticker -> deliveries counted (counted: their sum)
--   scan:<id>:outcomes        hash      ticker -> body
--   scan:<id>:requests        hash      vendor -> the coordinator's own requests
--   scan:<id>:proposed        zset      what it proposes
--   portfolio                           settlements so far
--   trade:<id>                hash      see trades.lua
--   marks:<id>                zset      body by instant
--   outbox                    zset      notice by seq      outbox:unsent, outbox:sent  its parts      outbox:seq
--   outbox:perishing          zset      unsent notices with expires_us, by it (since schema 2)
--   notice:<key>              hash      seq body trade scan sent claimed_until_us [holder] [expires_us]
--   budget:<vendor>           hash      next_us blocked_until_us
--   bars                      zset      sessions with bars (by text)      bars:<session>  hash  instrument -> body
--   explanations              zset      ticker by -seq of its scan        explanation:<ticker>  hash  scan seq body
--   summaries:<ticker>        hash      session -> body (since schema 3)
--   gateways                  hash      name -> body (since schema 4)
--   workers                   zset      name by the instant it is forgotten      workers:seen, workers:body  hashes

local PREFIX = ARGV[1]
local RANK = { init = 0, publishing = 1, running = 2, sealed = 3, alerting = 4, done = 5 }
local taken = 2

local function take()
  taken = taken + 1
  return ARGV[taken]
end

local function digits(number)
  return string.format('%.0f', number)
end

local function clock()
  if ARGV[2] ~= '' then
    return tonumber(ARGV[2])
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Tells a scan from one of its id that was made anew: seqs begin again only where the store was emptied.
local function stamp_of(seq, created_us)
  return seq .. '-' .. created_us
end

-- The answer to whoever does not hold a scan's lease (any more); nothing for its holder.
local function refusal(scan, epoch, holder)
  local found = redis.call('HMGET', scan, 'epoch', 'holder')
  if not found[1] then
    return { 'no scan' }
  end
  if found[1] ~= epoch or found[2] ~= holder then
    return { 'fenced' }
  end
end

"""The Lua scripts of the fleet's limits: one for each verb, on the clock of Redis. No I/O.

All keys of an identity have one hash tag. Times are milliseconds of Redis's clock.

- ``state``, a hash: `run` (the run of Redis that wrote it), `window` and `used` (the minute, and what counts in it),
  `full`, `posts_full`, `sign_ins_full` (until when the memory may be lost), `shift` (the clock of Travis less that of
  Redis), `pause`, `ban`, `remedy`, `probe`.
- ``posts`` and ``sign_ins``, sorted sets: the time of each; the end of its lease while it is in flight.
- ``leases``, a hash: the reads that each process has in flight or was promised, and when that ends.
"""

from typing import Final

__all__ = ["ACQUIRE", "BAN", "CLAIM_PROBE", "DISTRUST", "EPOCH", "KEYS", "LIFT", "PAUSE", "RELEASE"]

KEYS: Final = ("state", "posts", "sign_ins", "leases")

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function keep(ms)
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ms)
  end
end
local DAY = 86400000
"""

_RUN: Final = """
-- Another run of Redis may have lost what this one does not know of.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
"""

EPOCH: Final = f"""{_NOW}{_RUN}
-- Returns since when the memory of this Redis server is whole. Its key is gone, or names another run, when it is not.
local known = redis.call('HMGET', KEYS[1], 'run', 'since')
if known[1] ~= run or not known[2] then
  redis.call('HSET', KEYS[1], 'run', run, 'since', now)
  return now
end
return tonumber(known[2])
"""

ACQUIRE: Final = f"""{_NOW}{_RUN}
-- Grants reads, and at most one POST. Returns {{-1}} if the identity is unknown to this run of Redis.
local since, process, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local in_flight, want, spent, cap = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local kind, entry, max_posts = ARGV[8], ARGV[9], tonumber(ARGV[10])
local minute, post_window, sign_in_window = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
if redis.call('HGET', KEYS[1], 'run') ~= run then
  if since == '' then return {{-1}} end
  redis.call('HSET', KEYS[1], 'run', run, 'full', since + minute, 'posts_full', since + post_window,
    'sign_ins_full', since + sign_in_window)
end
local state = redis.call('HMGET', KEYS[1], 'window', 'used', 'full', 'posts_full', 'sign_ins_full', 'shift', 'pause',
  'ban', 'remedy', 'probe')
local shift = tonumber(state[6] or 0)
local window = math.floor((now + shift) / minute)
local used = tonumber(state[2] or 0)
if tonumber(state[1] or -1) ~= window then
  -- What is in flight may arrive in this minute.
  used = in_flight
  local leases = redis.call('HGETALL', KEYS[4])
  for i = 1, #leases, 2 do
    local count, ends = string.match(leases[i + 1], '^(%d+):(%d+)$')
    if not ends or tonumber(ends) <= now then
      redis.call('HDEL', KEYS[4], leases[i])
    elseif leases[i] ~= process then
      used = used + tonumber(count)
    end
  end
end
used = used + spent
local to_next = (window + 1) * minute - now - shift
local full, pause, ban = tonumber(state[3] or 0), tonumber(state[7] or 0), tonumber(state[8] or 0)
local granted, wait, entered = 0, 0, 0
if now < full or now < pause or now < ban then
  wait = math.max(full, pause) - now
elseif want > 0 then
  granted = math.max(0, math.min(want, cap - used))
  used = used + granted
  if granted < want then wait = to_next end
end
local post_wait = 0
if kind ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - post_window)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - sign_in_window)
  local function until_room(key, room, length)
    local excess = redis.call('ZCARD', key) - room
    if excess < 0 then return 0 end
    local oldest = tonumber(redis.call('ZRANGE', key, excess, excess, 'WITHSCORES')[2])
    -- The end of a lease: it may be settled any moment.
    if oldest > now then return 1000 end
    return oldest + length - now
  end
  post_wait = math.max(full, pause, tonumber(state[4] or 0)) - now
  post_wait = math.max(post_wait, until_room(KEYS[2], max_posts, post_window))
  if kind == 'sign_in' then
    post_wait = math.max(post_wait, tonumber(state[5] or 0) - now, until_room(KEYS[3], 1, sign_in_window))
  end
  if used >= cap then post_wait = math.max(post_wait, to_next) end
  if post_wait <= 0 and now >= ban then
    entered, used = 1, used + 1
    redis.call('ZADD', KEYS[2], now + lease, entry)
    if kind == 'sign_in' then redis.call('ZADD', KEYS[3], now + lease, entry) end
  end
end
redis.call('HSET', KEYS[1], 'window', window, 'used', used)
if in_flight + granted > 0 then
  redis.call('HSET', KEYS[4], process, string.format('%d:%d', in_flight + granted, now + lease))
else
  redis.call('HDEL', KEYS[4], process)
end
keep(DAY)
return {{granted, math.max(0, wait), to_next, entered, math.max(0, post_wait), math.max(0, pause - now),
  math.max(0, ban - now), state[9] or '', tonumber(state[10] or 0) - now, math.max(0, cap - used), now}}
"""

RELEASE: Final = f"""{_NOW}
-- Settles POSTs (ARGV[4] of them), withdraws those after them, and renews the lease of a process.
local in_flight, lease, settled = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 5, #ARGV do
  if i < 5 + settled then
    redis.call('ZADD', KEYS[2], 'XX', now, ARGV[i])
    redis.call('ZADD', KEYS[3], 'XX', now, ARGV[i])
  else
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
  end
end
if in_flight > 0 then
  redis.call('HSET', KEYS[4], ARGV[1], string.format('%d:%d', in_flight, now + lease))
else
  redis.call('HDEL', KEYS[4], ARGV[1])
end
keep(DAY)
"""

PAUSE: Final = f"""{_NOW}
-- Pauses for ARGV[1]; ARGV[2] is the clock of Travis, or empty.
redis.call('HSET', KEYS[1], 'pause', now + tonumber(ARGV[1]))
if ARGV[2] ~= '' then
  local shift = tonumber(ARGV[2]) - now
  if math.abs(shift - tonumber(redis.call('HGET', KEYS[1], 'shift') or 0)) > 2000 then
    redis.call('HSET', KEYS[1], 'shift', shift)
  end
end
keep(DAY)
"""

BAN: Final = f"""{_NOW}
redis.call('HSET', KEYS[1], 'ban', now + tonumber(ARGV[1]), 'remedy', ARGV[2], 'probe', now + tonumber(ARGV[3]))
keep(DAY)
"""

DISTRUST: Final = f"""{_NOW}
-- The clock of Redis was set: what is known may be over, or never end.
-- ARGV: lengths of the minute, of the windows of POSTs and of sign-ins, of a lease.
redis.call('HSET', KEYS[1], 'full', now + tonumber(ARGV[1]), 'posts_full', now + tonumber(ARGV[2]),
  'sign_ins_full', now + tonumber(ARGV[3]), 'pause', 0)
for _, key in ipairs({{KEYS[2], KEYS[3]}}) do
  redis.call('ZREMRANGEBYSCORE', key, now + tonumber(ARGV[4]), '+inf')
end
keep(DAY)
"""

LIFT: Final = "redis.call('HDEL', KEYS[1], 'ban', 'remedy', 'probe')"

CLAIM_PROBE: Final = f"""{_NOW}
if tonumber(redis.call('HGET', KEYS[1], 'probe') or 0) > now then return 0 end
redis.call('HSET', KEYS[1], 'probe', now + tonumber(ARGV[1]))
return 1
"""

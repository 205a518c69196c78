"""The scripts that a Redis server runs for the store: each one is atomic, in one round trip.

`KEYS` and `ARGV` are Redis's names for the keys and the arguments that a script is called with.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMIT", "CONFLICT", "DROP", "NEWER_FORMAT", "PUT_BLOBS"]

CONFLICT: Final = 0
NEWER_FORMAT: Final = -1

# KEYS: meta, commits, then the hash of each change.
# ARGV: token, expected epoch, expected number ("" if any version will do), epoch for a session that
#       begins, format; then op, key, value of each change.
# Answer: {1, epoch, number}, {CONFLICT, epoch, number} or {NEWER_FORMAT, "", format}.
COMMIT: Final = """
local meta = redis.call('HMGET', KEYS[1], 'format', 'epoch', 'version')
local format = tonumber(meta[1] or ARGV[5])
if format > tonumber(ARGV[5]) then return {-1, '', format} end
local epoch = meta[2] or ''  -- a session that an older program began has none
local number = tonumber(meta[3] or '0')
-- drop deletes the list too, so that a token in it is of this epoch
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local token, written = string.match(entry, '^(%S+) (%d+)$')
  if token == ARGV[1] then return {1, epoch, tonumber(written)} end
end
if ARGV[3] ~= '' and (ARGV[2] ~= epoch or tonumber(ARGV[3]) ~= number) then
  return {0, epoch, number}
end
if number == 0 then epoch = ARGV[4] end
number = number + 1
redis.call('HSET', KEYS[1], 'version', number, 'epoch', epoch, 'format', ARGV[5])
redis.call('LPUSH', KEYS[2], ARGV[1] .. ' ' .. number)
redis.call('LTRIM', KEYS[2], 0, 31)
for i = 3, #KEYS do
  local first = 6 + 3 * (i - 3)
  if ARGV[first] == 'put' then redis.call('HSET', KEYS[i], ARGV[first + 1], ARGV[first + 2])
  else redis.call('HDEL', KEYS[i], ARGV[first + 1]) end
end
return {1, epoch, number}
"""

# KEYS: blobs, then each blob. ARGV: ttl, then each value.
PUT_BLOBS: Final = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), KEYS[i])
  redis.call('SET', KEYS[i], ARGV[i], 'EX', ARGV[1])
end
return #KEYS - 1
"""

# KEYS: blobs, then the keys to remove beside every blob.
DROP: Final = """
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('DEL', key) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
return 1
"""

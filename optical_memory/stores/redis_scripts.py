"""The scripts that a Redis server runs for the store, and their arguments: each is atomic, in one
round trip.

`KEYS` and `ARGV` are Redis's names for the keys and the arguments that a script is called with.
"""

from __future__ import annotations

from typing import Final, cast

from optical_memory.stores.base import Change, Delete, Kind, Put, Version, from_bytes, to_bytes

__all__ = [
    "CHANGES",
    "COMMIT",
    "CONFLICT",
    "DROP",
    "LOAD",
    "NEWER_FORMAT",
    "PUT_BLOBS",
    "change_arguments",
    "change_of",
    "expectation",
]

CONFLICT: Final = 0
NEWER_FORMAT: Final = -1

# A hash that had records and is gone gives the session a new number, without a log: so everybody
# reads the session as a whole, and sees the loss. A replica cannot write that, and passes it over.
NOTICE_LOSS: Final = """
local function notice_loss(first, last)
  local lost = false
  for i = first, last do
    if redis.call('HEXISTS', KEYS[1], KEYS[i]) > redis.call('EXISTS', KEYS[i]) then
      redis.pcall('HDEL', KEYS[1], KEYS[i])
      lost = true
    end
  end
  if lost then
    local number = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') + 1
    redis.pcall('HSET', KEYS[1], 'version', number, 'log_start', number, 'log_end', number)
  end
end
"""

# KEYS: meta, commits, log, index, session, turn, page, then the hash of each change.
# ARGV: token, expected epoch, expected number ("" if any version will do), epoch for a session that
#       begins, format, versions that the log covers ("" if this commit is not logged), 1 if it
#       erases ("" if not); then op, key, value, log entry ("" for none) of each change.
# Answer: {1, epoch, number}, {CONFLICT, epoch, number} or {NEWER_FORMAT, "", format}.
#
# The log is a sorted set of entries `kind:key`, each with the number of its last write. It is
# complete for numbers above `log_start`, up to `log_end`. Older programs keep no log: if one of
# them wrote, `log_end` is behind, and the log begins again. So it does if the server evicted it,
# which the entry `picture:` tells: it is always there, and pictures have no other entry.
#
# A server may evict a hash as a whole. So meta notes each hash that has records, by its key (see
# NOTICE_LOSS).
COMMIT: Final = (
    NOTICE_LOSS
    + """
notice_loss(5, 7)
local meta = redis.call('HMGET', KEYS[1], 'format', 'epoch', 'version', 'log_end', 'log_start')
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
-- a server whose memory is full lets a script write whose first write frees memory
if ARGV[7] ~= '' then redis.call('HDEL', KEYS[1], '') end
local log_start = tonumber(meta[5] or '0')
if number == 0 then
  epoch = ARGV[4]
  -- an older program that drops a session knows neither of them
  redis.call('DEL', KEYS[3], KEYS[4])
end
local has_log = log_start == number or redis.call('EXISTS', KEYS[3]) == 1
local follows = tonumber(meta[4] or '0') == number and has_log
number = number + 1
if ARGV[6] == '' or not follows then
  redis.call('DEL', KEYS[3])
  log_start = number
elseif number - log_start > tonumber(ARGV[6]) then
  log_start = number - tonumber(ARGV[6])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', log_start)
end
redis.call('HSET', KEYS[1], 'version', number, 'epoch', epoch, 'format', ARGV[5],
  'log_end', number, 'log_start', log_start)
redis.call('LPUSH', KEYS[2], ARGV[1] .. ' ' .. number)
redis.call('LTRIM', KEYS[2], 0, 31)
for i = 8, #KEYS do
  local first = 8 + 4 * (i - 8)
  if ARGV[first] == 'put' then redis.call('HSET', KEYS[i], ARGV[first + 1], ARGV[first + 2])
  else redis.call('HDEL', KEYS[i], ARGV[first + 1]) end
  if log_start < number and ARGV[first + 3] ~= '' then
    redis.call('ZADD', KEYS[3], number, ARGV[first + 3])
  end
end
if log_start < number then redis.call('ZADD', KEYS[3], number, 'picture:') end
for i = 5, 7 do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('HSET', KEYS[1], KEYS[i], 1)
  else redis.call('HDEL', KEYS[1], KEYS[i]) end
end
return {1, epoch, number}
"""
)

# KEYS: meta, log, then the hash of each kind. ARGV: epoch, number, then each kind.
# Answer: {epoch, number, whether the log says everything that was written after that number, entry,
# value, entry, value, ...} with the value of each record, nil if it is gone.
CHANGES: Final = (
    NOTICE_LOSS
    + """
notice_loss(3, #KEYS)
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'version', 'log_end', 'log_start')
local number = tonumber(meta[2] or '0')
local since = tonumber(ARGV[2])
if (meta[1] or '') ~= ARGV[1] or since > number or tonumber(meta[3] or '-1') ~= number
  or since < tonumber(meta[4] or '0') then return {meta[1], meta[2], 0} end
if since < number and redis.call('EXISTS', KEYS[2]) == 0 then return {meta[1], meta[2], 0} end
local hashes = {}
for i = 3, #KEYS do hashes[ARGV[i]] = KEYS[i] end
local answer = {meta[1], meta[2], 1}
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf')) do
  local kind, key = string.match(entry, '^(%a+):(.*)$')
  if kind ~= 'picture' then
    table.insert(answer, entry)
    table.insert(answer, redis.call('HGET', hashes[kind], key))
  end
end
return answer
"""
)

# KEYS: meta, then the hash of each kind.
# Answer: {epoch, number, {key, value, key, value, ...} of each kind}.
LOAD: Final = """
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'version')
local answer = {meta[1], meta[2]}
for i = 2, #KEYS do table.insert(answer, redis.call('HGETALL', KEYS[i])) end
return answer
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


def expectation(expect: Version | None) -> tuple[str, str | int]:
    """The script's arguments for an expected version; no number if any version will do."""
    return ("", "") if expect is None else (expect.epoch, expect.number)


def change_arguments(change: Change) -> tuple[str, bytes, bytes, bytes]:
    """The script's arguments for a change: op, key, value, log entry."""
    key = to_bytes(change.key)
    entry = b"" if change.kind == "picture" else b"%s:%s" % (change.kind.encode(), key)
    if isinstance(change, Put):
        return "put", key, change.value, entry
    return "del", key, b"", entry


def change_of(entry: bytes, value: bytes | None) -> Change:
    """The change that a log entry stands for; `value` is None if the record is gone."""
    name, _, key = entry.partition(b":")
    kind = cast("Kind", name.decode())
    if value is None:
        return Delete(kind, from_bytes(key))
    return Put(kind, from_bytes(key), value)

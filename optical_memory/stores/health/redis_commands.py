"""The commands of a server that a store needs, and whether its user may give them."""

from __future__ import annotations

from typing import Any, Final

import redis

__all__ = [
    "COMMANDS",
    "forbidden_commands",
]

COMMANDS: Final = (
    "DEL",
    "EVAL",
    "EXISTS",
    "HDEL",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HKEYS",
    "HMGET",
    "HSET",
    "LPUSH",
    "LRANGE",
    "LTRIM",
    "MGET",
    "PING",
    "SCAN",
    "SET",
    "TIME",
    "ZADD",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "ZREM",
    "ZREMRANGEBYSCORE",
)
"""Commands of the store and of its scripts."""

_ARGUMENTS: Final = {"EVAL": ("return 1", "0"), "PING": (), "SCAN": ("0",), "TIME": ()}
_KEY_ONLY: Final = ("DEL", "EXISTS", "HGETALL", "HKEYS", "MGET")

# A server from version 7 tells if the user may give a command, without giving it.
# ARGV: commands with their arguments, each ended by an empty argument.
_ASK: Final = """
if not redis.acl_check_cmd then return {'unknown'} end
local forbidden, words = {}, {}
for _, word in ipairs(ARGV) do
  if word ~= '' then table.insert(words, word)
  else
    if not redis.acl_check_cmd(unpack(words)) then table.insert(forbidden, words[1]) end
    words = {}
  end
end
return forbidden
"""


def forbidden_commands(server: redis.Redis, key: str) -> list[str] | None:
    """The commands that the user may not give on a key of the store; None if nobody can say.

    Nothing is written. Raises redis-py's errors.
    """
    words: list[str] = []
    for command in COMMANDS:
        words += [command, *_arguments(command, key), ""]
    try:
        answer: Any = server.eval(_ASK, 0, *words)
    except redis.exceptions.NoPermissionError:
        return ["EVAL"]
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in answer]
    return None if names == ["unknown"] else names


def _arguments(command: str, key: str) -> tuple[str, ...]:
    """Arguments with which the command could be given."""
    if command in _ARGUMENTS:
        return _ARGUMENTS[command]
    return (key,) if command in _KEY_ONLY else (key, "0", "0")

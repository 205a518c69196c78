"""A conversation with a secret in its sixth turn, a memory of it, and whether a trace of the secret
is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

from optical_memory import OpticalMemory, Turn
from optical_memory.turns import ToolCall

SECRET = ("zorblax", "QX-7731-ZZ", "flurbington")
TRACES = [
    word.encode()
    for word in (*SECRET, *(word.lower() for word in SECRET), "look_up_zorblax", "Zebedee")
]


def said(n: int = 40) -> list[Turn]:
    """Turns with ids; the sixth has a secret in its text, its tool call, its name."""
    turns = [
        Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.", id=f"m{i}")
        for i in range(n)
    ]
    call = ToolCall("look_up_zorblax", '{"code": "QX-7731-ZZ"}', "c1")
    text = "The zorblax code is QX-7731-ZZ, says flurbington."
    turns[5:6] = [Turn("assistant", text, "Zebedee", id="m5", tool_calls=(call,))] if n > 5 else []
    return turns


def raw(url: str) -> bytes:
    """Every byte that is kept: SQLite's files as they lie on the disk, all of the server's keys and
    values.
    """
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in sorted(path.parent.glob("memory.db*")))
    with redis.Redis.from_url(url) as client:
        return b"".join(_value(client, key) for key in client.scan_iter())


def _value(client: Any, key: bytes) -> bytes:
    kind = client.type(key)
    if kind == b"hash":
        return key + b"".join(name + value for name, value in client.hgetall(key).items())
    if kind == b"string":
        return key + client.get(key)
    return key + b"".join(
        client.lrange(key, 0, -1) if kind == b"list" else client.zrange(key, 0, -1)
    )


def assert_no_trace(url: str) -> None:
    kept = raw(url)
    assert [trace for trace in TRACES if trace in kept] == []


def on_page_with_secret(memory: OpticalMemory) -> str:
    record = memory._archive.snapshot().turn("m5")
    assert record is not None
    return record.pages[0]

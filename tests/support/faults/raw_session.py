"""A session as raw records: rows of SQLite or hashes of Redis, JSON and PNG.

Shares no code with the product's own reading.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import redis
from PIL import Image

from optical_memory.errors import CorruptTokens
from optical_memory.testing import ALPHABET, SMALL_LADDER, TemplateReader
from optical_memory.tokens import unpack
from support.readers.other_ladders import OTHER_LADDERS

__all__ = [
    "RawSession",
    "from_redis",
    "from_sqlite",
    "from_zip",
    "signs_of_picture",
    "signs_of_tokens",
]

Json = dict[str, Any]

KINDS = ("session", "turn", "page", "index", "picture")


@dataclass
class RawSession:
    """The records of a session by kind and key, all blobs, and every byte that the store has."""

    records: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blobs: list[bytes] = field(default_factory=list)
    everything: bytes = b""
    _parsed: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        return any(self.records.values())

    def values(self, kind: str) -> dict[str, Json]:
        """The JSON records of a kind that parse, by key; a checksum is left out."""
        if kind not in self._parsed:
            self._parsed[kind] = self._parse(kind)
        return self._parsed[kind]

    def _parse(self, kind: str) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for key, data in sorted(self.records.get(kind, {}).items()):
            try:
                value = json.loads(data)
            except ValueError:
                continue
            value.pop("sum", None)
            values[key] = value
        return values


def from_sqlite(path: Path, session: str, *, is_in_use: bool = False) -> RawSession:
    """The session in a file; its logs may hold the last commits, and stay as they are."""
    files = sorted(path.parent.glob(path.name + "*"))
    raw = RawSession(everything=b"".join(file.read_bytes() for file in files))
    if is_in_use:
        _read_sqlite(raw, f"file:{path}", session)
    elif not any(file.name.endswith(("-wal", "-journal")) for file in files):
        _read_sqlite(raw, f"file:{path}", session, "?immutable=1")
    else:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            for file in files:
                shutil.copy(file, folder)
            _read_sqlite(raw, f"file:{Path(folder, path.name)}", session)
    return raw


def _read_sqlite(raw: RawSession, uri: str, session: str, options: str = "") -> None:
    with closing(sqlite3.connect(uri + options, uri=True)) as db:
        rows = db.execute(
            "SELECT kind, key, value FROM records JOIN sessions "
            "ON records.session = sessions.id WHERE sessions.name = ?",
            (session.encode(),),
        )
        for kind, key, value in rows:
            raw.records.setdefault(kind, {})[key.decode()] = value
    with closing(sqlite3.connect(uri + "-cache" + options, uri=True)) as db:
        # A cache whose file was made on a disk that failed then may have no table yet.
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs'").fetchone():
            raw.blobs = [value for (value,) in db.execute("SELECT value FROM blobs")]


def from_redis(url: str, session: str) -> RawSession:
    """The session on a server; every key and value of the database is in `everything`."""
    raw = RawSession()
    parts: list[bytes] = []
    with redis.Redis.from_url(url) as client:
        for key in sorted(client.scan_iter(count=1000)):
            _, _, name = key.decode().partition("}:")
            parts.append(key)
            kind = client.type(key)
            if kind == b"hash":
                items = client.hgetall(key)
                parts += [data for item in items.items() for data in item]
                is_own = key.decode().startswith(f"{{optical:{session}}}")
                if is_own and name in KINDS:
                    raw.records[name] = {k.decode(): v for k, v in items.items()}
            elif kind == b"string":
                value = client.get(key) or b""
                parts.append(value)
                if name.startswith("blob:"):
                    raw.blobs.append(value)
            elif kind == b"list":
                parts += client.lrange(key, 0, -1)
            else:
                parts += client.zrange(key, 0, -1)
    raw.everything = b"\n".join(parts)
    return raw


def from_zip(path: Path) -> RawSession:
    """The session in an exported file."""
    raw = RawSession(everything=path.read_bytes())
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        for name in file.namelist():
            kind, _, rest = name.partition("/")
            if rest:
                raw.records.setdefault(kind, {})[rest.rpartition(".")[0]] = file.read(name)
    return raw


# ---- signs ---------------------------------------------------------------------------------------

_RUNGS = {rung.side_px: rung for rung in (*OTHER_LADDERS["other names"], *SMALL_LADDER)}
_EYE = TemplateReader()


@lru_cache(maxsize=4096)
def signs_of_picture(png: bytes) -> str:
    """The sign in each cell of a stored picture, row after row."""
    image = np.asarray(Image.open(BytesIO(png)).convert("L"))
    (tokens,) = _EYE.encode([image], _RUNGS[len(image)])
    return _signs(tokens.values)


@lru_cache(maxsize=4096)
def signs_of_tokens(blob: bytes) -> str:
    """The sign in each cell of cached tokens, row after row; empty if the blob is damaged."""
    begin = max(0, blob.find(b'{"__metadata__"') - 8)  # a checksum may stand before
    try:
        return _signs(unpack(blob[begin:]).values)
    except CorruptTokens:
        return ""


def _signs(values: Any) -> str:
    numbers = np.rint(np.asarray(values).ravel()).astype(int)
    return "".join(ALPHABET[n - 1] if 0 < n <= len(ALPHABET) else "\x00" for n in numbers)

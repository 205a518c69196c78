"""What a store holds, read without this package: turns by their ids, out of the bare records."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import redis


def raw_turns(url: str, session: str) -> dict[str, dict[str, Any]]:
    """The JSON of each turn's record of a session with a plain name, by the turn's id."""
    values = _in_file(url, session) if url.startswith("sqlite") else _on_server(url, session)
    records = [json.loads(value) for value in values]
    return {record["id"]: record for record in records}


def _in_file(url: str, session: str) -> list[bytes]:
    path = Path(url.removeprefix("sqlite:///"))
    query = (
        "SELECT value FROM records JOIN sessions ON sessions.id = records.session "
        "WHERE sessions.name = ? AND kind = 'turn' ORDER BY key"
    )
    with closing(sqlite3.connect(path)) as db:
        return [value for (value,) in db.execute(query, (session.encode(),))]


def _on_server(url: str, session: str) -> list[bytes]:
    with redis.Redis.from_url(url) as client:
        records: Any = client.hgetall(f"{{optical:{session}}}:turn")
        return [records[key] for key in sorted(records)]

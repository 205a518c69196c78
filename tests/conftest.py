"""What tests share: a real Valkey server, a store of each kind, and the data that may lie beside the checkout."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from optical_memory.stores import Store
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.server import private_server
from optical_memory.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from published import Stock


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server: the one at REDIS_URL, or a private one that keeps every commit on disk."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    with private_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind, on the real thing."""
    if request.param == "sqlite":
        opened: Store = SQLiteStore(tmp_path / "memory.db")
    else:
        opened = RedisStore(request.getfixturevalue("redis_url"), prefix=f"test-{uuid.uuid4().hex}")
    yield opened
    if request.param == "redis":
        for session in opened.sessions():
            opened.drop(session)
    opened.close()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The evaluation data, when it lies in `../shared/data` beside the checkout."""
    found = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not found.is_dir():
        pytest.skip(f"needs the evaluation data in {found}")
    return found


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stock]:
    """A small random checkpoint of every family in the published form, by the family's id."""
    from published import write_checkpoint

    from optical_memory.readers.families import FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    return {f.id: (root / f.id, write_checkpoint(root / f.id, f)) for f in FAMILIES.values()}

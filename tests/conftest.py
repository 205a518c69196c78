"""What tests share: a real Valkey server, stores of each kind, a memory in a file, and data beside
the checkout.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from optical_memory import OpticalMemory
from optical_memory.stores import Store, open_store
from optical_memory.stores.private_server import private_server
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import TemplateReader

if TYPE_CHECKING:
    from support.shelf_turns import Open
    from support.small_checkpoints import Stock


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


@pytest.fixture
def prefix() -> str:
    """A prefix of Redis keys that no other test has."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The address of a store in a file that is not there yet."""
    return f"sqlite:///{tmp_path}/memory.db"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a module's own, for work on every session that there is."""
    with private_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, file_url: str) -> Iterator[str]:
    """The address of an empty store of each kind, with no sessions of other tests."""
    if request.param == "sqlite":
        yield file_url
        return
    yield (found := request.getfixturevalue("own_server"))
    store = open_store(found)
    for session in store.sessions():
        store.drop(session)
    store.close()


@pytest.fixture
def opened(file_url: str) -> Iterator[Open]:
    """Opens memories of one session in one file; closes them after the test."""
    memories: list[OpticalMemory] = []

    def open_one(**settings: Any) -> OpticalMemory:
        defaults: dict[str, Any] = {
            "store": file_url,
            "reader": TemplateReader(),
            "keep_turns": 3,
            "capacity": 10**6,
        }
        memories.append(OpticalMemory("alice", **defaults | settings))
        return memories[-1]

    yield open_one
    for memory in memories:  # without flushing: some tests leave work that never ends or fails
        memory._worker.stop()
        memory.store.close()


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
    from support.small_checkpoints import write_checkpoint

    from optical_memory.readers.deepseek.families import FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    return {f.id: (root / f.id, write_checkpoint(root / f.id, f)) for f in FAMILIES.values()}

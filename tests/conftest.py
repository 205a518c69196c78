"""Fixtures that tests share: a real Valkey server, stores of each kind, a memory in a file, an
empty home, small checkpoints, and the evaluation data beside the checkout.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.homes import move_into
from support.memories import memories

from optical_memory.readers.threads import wait_passively
from optical_memory.session.corrections.tombstones import KEY_VARIABLE
from optical_memory.stores import Store, open_store
from optical_memory.stores.private_server import private_server
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from support.memories import Open
    from support.readers.small_checkpoints import Stock

wait_passively()  # before a test loads torch, and for every process that a test starts

# How long an example takes says more of the machine, which others use too, than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def forget_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of tombstones for every test, so that none is written into a home."""
    monkeypatch.setenv(KEY_VARIABLE, "the key of these tests")
    return "the key of these tests"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server: the one at REDIS_URL, or a private one that keeps every commit on disk."""
    named_server = os.environ.get("REDIS_URL")
    if named_server:
        yield named_server
        return
    with private_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the home and the working directory of this test."""
    move_into(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind: a real file, a real server."""
    if request.param == "sqlite":
        empty: Store = SQLiteStore(tmp_path / "memory.db")
        yield empty
    else:
        server = request.getfixturevalue("redis_url")
        prefix = request.getfixturevalue("prefix")
        empty = RedisStore(server, prefix=prefix, deadline=10.0)  # the disk may be busy
        yield empty
        for session in empty.sessions():
            empty.drop(session)
    empty.close()


@pytest.fixture
def prefix() -> str:
    """A prefix of Redis keys that no other test has."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The URL of a store in a file that does not exist yet."""
    return f"sqlite:///{tmp_path}/memory.db"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for one test module, for work on every session of a store."""
    with private_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, file_url: str) -> Iterator[str]:
    """The URL of an empty store of each kind, with no sessions of other tests."""
    if request.param == "sqlite":
        yield file_url
        return
    server: str = request.getfixturevalue("own_server")
    yield server
    store = open_store(server)
    for session in store.sessions():
        store.drop(session)
    store.close()


@pytest.fixture
def opened(file_url: str) -> Iterator[Open]:
    """Opens memories of one session in one file."""
    with memories(store=file_url, keep_turns=3) as open_memory:
        yield open_memory


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The evaluation data, if it lies in `../shared/data` beside the checkout; else a skip."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the evaluation data in {folder}")
    return folder


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stock]:
    """A small random checkpoint of every family in the published form, by the family's id."""
    from support.readers.small_checkpoints import write_checkpoint

    from optical_memory.readers.deepseek.families import FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    return {f.id: (root / f.id, write_checkpoint(root / f.id, f)) for f in FAMILIES.values()}

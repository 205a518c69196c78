"""From a URL to its store: what opens, what is refused with which words, and what is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

import optical_memory
import optical_memory.stores as stores
from optical_memory.errors import InputError, StoreError
from optical_memory.stores import (
    RedisStore,
    SQLiteStore,
    Version,
    default_store,
    open_store,
    store_name,
)

ROOT = Path(optical_memory.__file__).parents[1]
WRONG_URLS = ["memory.db", "mysql://x", "", "sqlite://memory.db", "sqlite:///", "sqlite:memory.db"]


def test_a_url_opens_the_store_that_it_names(tmp_path: Path, redis_url: str) -> None:
    with_file = open_store(f"sqlite:///{tmp_path}/new/folder/memory.db")
    with_server = open_store(redis_url)
    try:
        assert isinstance(with_file, SQLiteStore)
        assert with_file.commit("alice", []).number == 1
        assert (tmp_path / "new/folder/memory.db").is_file()
        assert isinstance(with_server, RedisStore)
        assert with_server.version("never written") == Version()
    finally:
        with_file.close()
        with_server.close()


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_url_of_no_store_of_ours_is_refused_with_what_would_do(url: str) -> None:
    for ask in (open_store, store_name):
        with pytest.raises(InputError, match="sqlite:///") as refusal:
            ask(url)
        assert repr(url) in str(refusal.value)


@pytest.mark.parametrize("name", [":memory:", "./:memory:"])
def test_a_database_in_no_file_is_refused_and_nothing_is_written(
    name: str, empty_home: Path
) -> None:
    for ask in (open_store, store_name):
        with pytest.raises(InputError, match="temporary folder"):
            ask(f"sqlite:///{name}")
    with pytest.raises(InputError, match="temporary folder"):
        SQLiteStore(name)
    assert list(empty_home.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:no-port",
        "redis://host:99999",
        "redis://host?socket_timeout=soon",
        "redis+cluster://host:no-port",
        "redis:host",
    ],
)
def test_a_redis_url_that_redis_py_cannot_read_is_refused_when_the_store_is_opened(
    url: str,
) -> None:
    with pytest.raises(InputError, match="cannot read the URL"):
        open_store(url)


def test_a_store_of_redis_is_opened_without_asking_the_server() -> None:
    for url in ("redis://nowhere.invalid:1", "redis+cluster://nowhere.invalid:1"):
        open_store(url).close()


def test_a_file_has_the_same_name_from_every_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/alice")
    assert store_name("sqlite:///m.db") == f"sqlite:///{tmp_path}/m.db"
    assert store_name("sqlite:////data/m.db") == "sqlite:////data/m.db"
    assert store_name("sqlite:///~/m.db") == "sqlite:////home/alice/m.db"
    assert store_name("redis://host/1") == "redis://host/1"


def test_the_default_store_is_a_file_in_the_users_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = platformdirs.user_data_path("optical-memory")
    assert default_store() == f"sqlite:///{folder}/memory.db"
    assert folder.is_dir()
    open_store(default_store()).close()
    assert (folder / "memory.db").is_file()


def test_opening_nothing_imports_neither_redis_nor_sqlite() -> None:
    code = (
        "import sys, optical_memory.stores; "
        "print([m for m in ('redis', 'sqlite3', 'torch') if m in sys.modules])"
    )
    shell = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shell.stdout.strip() == "[]"


def test_a_store_loads_no_driver_but_its_own(tmp_path: Path) -> None:
    code = (
        "import sys; from optical_memory.stores import open_store; "
        f"open_store('sqlite:///{tmp_path}/m.db').close(); "
        "print('redis' in sys.modules, 'sqlite3' in sys.modules)"
    )
    shell = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shell.stdout.strip() == "False True"


def test_every_public_name_of_the_room_can_be_imported_and_no_other() -> None:
    assert [name for name in stores.__all__ if not hasattr(stores, name)] == []
    assert set(stores.__all__) <= set(dir(stores))
    with pytest.raises(AttributeError, match="MongoStore"):
        stores.MongoStore  # noqa: B018  asking for the name is the test


def test_an_sqlite_file_that_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        open_store(f"sqlite:///{tmp_path}")

"""What the contract tests share: the same data through a second store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from optical_memory.stores import RedisStore, SQLiteStore, Store


@pytest.fixture
def twin(store: Store, request: pytest.FixtureRequest) -> Iterator[Store]:
    """The same data through a second store, as another process would open it."""
    if isinstance(store, SQLiteStore):
        second: Store = SQLiteStore(store.path)
    else:
        assert isinstance(store, RedisStore)
        second = RedisStore(request.getfixturevalue("redis_url"), prefix=store.prefix)
    yield second
    second.close()

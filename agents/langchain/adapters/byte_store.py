"""A byte store of LangChain in a SQLite file, or on plain Redis or Valkey, without any module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.stores import ByteStore

from optical_memory.errors import InputError, require_text
from optical_memory.stores.base import Delete, Put, Store
from optical_memory.stores.registry import open_store

__all__ = [
    "OpticalByteStore",
]

KEY_PREFIX = "optical-bytes"
"""Keys of byte stores on a Redis server begin with it, those of memories with another."""

NAMESPACE = "bytes/"
"""Sessions of a byte store begin with it."""


class OpticalByteStore(ByteStore):
    """Bytes by key, durable before `mset` returns: for `CacheBackedEmbeddings` and the like.

    >>> store = OpticalByteStore("sqlite:///bytes.db")
    >>> store.mset([("a", b"1"), ("b", b"2")])
    >>> store.mget(["a", "c"]), list(store.yield_keys())
    ([b'1', None], ['a', 'b'])

    `store` is the URL of a file of its own, or of a Redis server, or a `Store` that has no
    memories. Byte stores of other namespaces may share it. Async methods run on a thread.

    Raises `InputError` for a URL of no store, and for a store that has memories. Raises
    `StoreError` if the store cannot be opened.
    """

    def __init__(self, store: str | Store, namespace: str = "default") -> None:
        require_text("namespace", namespace)
        self._store = _open(store) if isinstance(store, str) else store
        self._owns_store = isinstance(store, str)
        self._session = f"{NAMESPACE}{namespace}"
        if any(not name.startswith(NAMESPACE) for name in self._store.sessions()):
            self.close()
            raise InputError("this store has memories; give the byte store a file of its own")

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of `keys`, None if a key is absent."""
        return [self._store.get(self._session, "picture", key) for key in keys]

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Set all values or none. Raises `InputError` if a value is not bytes."""
        for _, value in key_value_pairs:
            if not isinstance(value, bytes):
                raise InputError(f"a byte store takes bytes, not {type(value).__name__}")
        values = dict(key_value_pairs)
        puts = [Put("picture", key, value) for key, value in values.items()]
        if puts:
            self._store.commit(self._session, puts)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Delete values; a key may be absent."""
        deletes = [Delete("picture", key) for key in dict.fromkeys(keys)]
        if deletes and self._store.version(self._session).exists:
            self._store.commit(self._session, deletes)

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """The keys that begin with `prefix`, in order. It reads the values too."""
        for key, _ in self._store.scan(self._session, "picture"):
            if prefix is None or key.startswith(prefix):
                yield key

    def close(self) -> None:
        """Close the store that it opened."""
        if self._owns_store:
            self._store.close()


def _open(url: str) -> Store:
    """The store at a URL; on a Redis server, with keys of its own."""
    if url.startswith("sqlite:"):
        return open_store(url)
    from optical_memory.stores.redis import RedisStore

    return RedisStore(url, prefix=KEY_PREFIX)

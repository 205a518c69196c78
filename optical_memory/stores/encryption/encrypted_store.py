"""A store whose values are encrypted, with each session's key record among them.

The key record goes by unseen: nobody above this store reads it or writes it. The first commit of a
session makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optical_memory.errors import Conflict
from optical_memory.stores.base import (
    BatchStore,
    Change,
    Delete,
    Kind,
    Put,
    Store,
    Version,
    is_batch,
    record_keys,
)
from optical_memory.stores.encryption.encryption import Encryption
from optical_memory.stores.encryption.keyring import Keyring
from optical_memory.stores.encryption.tenant_key import KeyService
from optical_memory.stores.protection.base import KEY_RECORD
from optical_memory.stores.protection.protected_store import ProtectedBatchStore, ProtectedStore

__all__ = [
    "EncryptedStore",
    "encrypted",
]

COMMIT_TRIES = 50
"""How often a commit for any version is tried, if other processes write first."""

Pairs = list[tuple[str, bytes]]


class EncryptedStore(ProtectedStore):
    """A `Store` around a raw store, with the keys that `service` wraps.

    Raises `KeyMismatch` if a session is not encrypted, or was encrypted under another tenant's key.
    """

    protection: Encryption

    def __init__(self, raw: Store, service: KeyService) -> None:
        super().__init__(raw, Encryption(service, raw))

    # ---- reading ---------------------------------------------------------------------------------

    def scan(self, session: str, kind: Kind) -> Pairs:
        """All records of a kind in key order."""
        pairs = self.raw.scan(session, kind)
        if kind == KEY_RECORD[0]:
            pairs = self._without_key_record(session, pairs)
        return self.protection.unwrap_all(session, kind, pairs)

    def _without_key_record(self, session: str, pairs: Pairs) -> Pairs:
        """The session's own records, its keys taken in."""
        records = dict(pairs)
        self.protection.note_record(session, records.pop(KEY_RECORD[1], None))
        return list(records.items())

    def keys(self, session: str, kind: Kind) -> list[str]:
        """The keys of all records of a kind, in any order."""
        keys = record_keys(self.raw, session, kind)
        return [key for key in keys if (kind, key) != KEY_RECORD]

    def _unwrapped(self, session: str, changes: list[Change] | None) -> list[Change] | None:
        if changes is None:
            return None
        records: list[Change] = []
        for change in changes:
            if (change.kind, change.key) == KEY_RECORD:
                value = change.value if isinstance(change, Put) else None
                self.protection.note_record(session, value)
            else:
                records.append(change)
        return super()._unwrapped(session, records)

    # ---- writing ---------------------------------------------------------------------------------

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        """As the raw store, with the values encrypted.

        A session that begins gets its data key in the same commit.
        """
        if expect is None:
            return self._commit_any(session, changes)
        if expect.exists:
            wrapped = _encrypted(self.protection.keyring(session), changes)
            return self.raw.commit(session, wrapped, expect)
        keyring = Keyring.generate(session)
        record = self.protection.packed(keyring)
        wrapped = [Put(*KEY_RECORD, record), *_encrypted(keyring, changes)]
        version = self.raw.commit(session, wrapped, expect)
        self.protection.note_keyring(session, keyring, record)
        return version

    def _commit_any(self, session: str, changes: Sequence[Change]) -> Version:
        """Commit whatever the version is, but never under a data key that is gone by then."""
        for _ in range(COMMIT_TRIES - 1):
            try:
                return self._commit_now(session, changes)
            except Conflict:
                continue
        return self._commit_now(session, changes)

    def _commit_now(self, session: str, changes: Sequence[Change]) -> Version:
        version = self.raw.version(session)
        if version.exists:
            self.protection.keyring_now(session)
        return self.commit(session, changes, version)

    def drop(self, session: str) -> None:
        """As the raw store; the wrapped key goes first, so that nothing else can be read then."""
        if self.raw.get(session, *KEY_RECORD) is not None:
            self.raw.commit(session, [Delete(*KEY_RECORD)])
        self.raw.drop(session)
        self.protection.note_record(session, None)

    # ---- blobs -----------------------------------------------------------------------------------

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """As the raw store; None for a blob that does not decrypt."""
        if not keys:
            return []
        cipher = self.protection.keyring(session).current
        blobs = self.raw.get_blobs(session, [cipher.blob_name(key) for key in keys])
        return [self._blob(session, *pair) for pair in zip(keys, blobs, strict=True)]

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """As the raw store, with the blobs encrypted, under names that tell nothing."""
        cipher = self.protection.keyring(session).current
        wrapped = {
            cipher.blob_name(key): cipher.encrypt("blob", key, blob) for key, blob in blobs.items()
        }
        self.raw.put_blobs(session, wrapped, ttl)

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """As the raw store, also blobs under an older data key while there is one."""
        if keys is None:
            self.raw.drop_blobs(session)
            return
        names: list[str] = []
        for cipher in self.protection.keyring(session).ciphers:
            names += map(cipher.blob_name, keys)
        self.raw.drop_blobs(session, names)


class EncryptedBatchStore(EncryptedStore, ProtectedBatchStore):
    """A `BatchStore` around a raw store that is far away."""

    raw: BatchStore

    def load(self, session: str, kinds: Sequence[Kind]) -> tuple[Version, Mapping[Kind, Pairs]]:
        """As the raw store, with the values decrypted."""
        version, records = self.raw.load(session, kinds)
        pairs = dict(records)
        if KEY_RECORD[0] in pairs:
            pairs[KEY_RECORD[0]] = self._without_key_record(session, pairs[KEY_RECORD[0]])
        unwrap_all = self.protection.unwrap_all
        return version, {kind: unwrap_all(session, kind, pairs[kind]) for kind in pairs}


def _encrypted(keyring: Keyring, changes: Sequence[Change]) -> list[Change]:
    encrypt = keyring.current.encrypt
    return [
        replace(change, value=encrypt(change.kind, change.key, change.value))
        if isinstance(change, Put)
        else change
        for change in changes
    ]


def encrypted(store: Store, service: KeyService) -> EncryptedStore:
    """The store, encrypted; a store that is far away stays a `BatchStore`."""
    if is_batch(store):
        return EncryptedBatchStore(store, service)
    return EncryptedStore(store, service)

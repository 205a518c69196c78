"""The verbs on a session's keys: encrypt a plain session, exchange the tenant's key or the data
key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from optical_memory.errors import Conflict, KeyMismatch
from optical_memory.session.archive import Archive
from optical_memory.session.rekeying.rewrite import TRIES, commit_keyring, rewrite
from optical_memory.stores.base import Version
from optical_memory.stores.encryption.encrypted_store import EncryptedStore, encrypted
from optical_memory.stores.encryption.keyring import Keyring
from optical_memory.stores.encryption.tenant_key import KeyService, require_key
from optical_memory.stores.protection.base import KEY_RECORD

__all__ = [
    "encrypt",
    "finish_rekeying",
    "is_rekeying",
    "rotate_data_key",
    "rotate_tenant_key",
]


def encrypt(archive: Archive, service: KeyService) -> int:
    """Encrypt a plain session in place; gives how many values were written.

    An encryption that was cut short goes on. Raises `KeyMismatch` if the session is encrypted under
    another tenant's key, and `DamagedRecord` at a value that cannot be read.
    """
    require_key(service)
    store = encrypted(archive.raw_store, service)
    with archive.exchanging() as use:
        _try_until_alone(archive, lambda version: _begin_encryption(archive, store, version))
        use(store)
    if not store.version(archive.session).exists:
        return 0  # the first commit makes the data key
    return rewrite(store, archive.session)


def _begin_encryption(archive: Archive, store: EncryptedStore, version: Version) -> None:
    """Give the session a data key, unless it has one. Plain values are read until all are gone."""
    session = archive.session
    if not version.exists:
        return
    if store.raw.get(session, *KEY_RECORD) is not None:
        store.protection.keyring_now(session)  # raises for another tenant's key
        return
    commit_keyring(store, session, Keyring.generate(session, accepts_plain=True), version)


def rotate_data_key(archive: Archive) -> int:
    """Give the session a new data key and write every value under it; gives how many there were.

    A rotation that was cut short goes on, and then there is no other. Raises as `encrypt`.
    """
    store = _encrypted_store(archive)
    _try_until_alone(archive, lambda version: _begin_rotation(store, archive.session, version))
    return rewrite(store, archive.session)


def _begin_rotation(store: EncryptedStore, session: str, version: Version) -> None:
    keyring = store.protection.keyring_now(session)
    if keyring.is_strict:
        commit_keyring(store, session, keyring.with_new_key(), version)


def rotate_tenant_key(archive: Archive, service: KeyService) -> None:
    """Wrap the session's data key by another tenant's key; no other value is written.

    Processes that are open go on; later ones need the new key. Raises `KeyMismatch` if the archive
    does not have the present tenant's key, unless the new key has wrapped the data key already.
    """
    require_key(service)
    old_store = _encrypted_store(archive)
    store = encrypted(archive.raw_store, service)

    def rewrap(version: Version) -> None:
        try:
            keyring = old_store.protection.keyring_now(archive.session)
        except KeyMismatch:
            if not _opens(store, archive.session):
                raise
        else:
            commit_keyring(store, archive.session, keyring, version)

    with archive.exchanging() as use:
        _try_until_alone(archive, rewrap)
        use(store)
    archive.raw_store.scrub()  # of the key as the old tenant's key wrapped it


def _opens(store: EncryptedStore, session: str) -> bool:
    """True if the tenant's key of this store opens the session."""
    try:
        store.protection.keyring_now(session)
    except KeyMismatch:
        return False
    return True


def is_rekeying(archive: Archive) -> bool:
    """True if the session's values are being written under a new key, or that was cut short."""
    if not isinstance(archive.store, EncryptedStore):
        return False
    if not archive.store.version(archive.session).exists:
        return False
    return not archive.store.protection.keyring_now(archive.session).is_strict


def finish_rekeying(archive: Archive) -> int:
    """Go on with an encryption or a rotation that was cut short. Raises as `encrypt`."""
    return rewrite(_encrypted_store(archive), archive.session)


def _encrypted_store(archive: Archive) -> EncryptedStore:
    if isinstance(archive.store, EncryptedStore):
        return archive.store
    raise KeyMismatch(f"session {archive.session!r} was opened without a key: give its key")


Answer = TypeVar("Answer")


def _try_until_alone(archive: Archive, write: Callable[[Version], Answer]) -> Answer:
    """The answer of `write` for the session's version; again if another process wrote first."""
    for _ in range(TRIES - 1):
        try:
            return write(archive.raw_store.version(archive.session))
        except Conflict:
            continue
    return write(archive.raw_store.version(archive.session))

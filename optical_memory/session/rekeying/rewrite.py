"""Every value of a session written again under its current data key, in many small commits.

Each commit stands for itself: whoever is killed between two of them leaves a session that can be
read and written, and the next run goes on. Other processes read and write meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from optical_memory.errors import Conflict, DamagedRecord
from optical_memory.stores.base import Kind, Put, Store, Version, is_batch
from optical_memory.stores.encryption.encrypted_store import EncryptedStore
from optical_memory.stores.encryption.keyring import Keyring
from optical_memory.stores.protection.base import KEY_RECORD, DamagedValue

__all__ = [
    "commit_keyring",
    "rewrite",
]

BATCH: Final = 200
"""Values of one commit. Pictures have tens of kilobytes: so a commit has a few megabytes, and no
other writer waits for it longer than some tens of milliseconds.
"""

TRIES: Final = 50
"""How often a commit is tried, if other processes write first."""


def commit_keyring(store: EncryptedStore, session: str, keyring: Keyring, version: Version) -> None:
    """Write the session's key record. Raises `Conflict` unless the session is at `version`."""
    record = store.protection.packed(keyring)
    store.raw.commit(session, [Put(*KEY_RECORD, record)], expect=version)
    store.protection.note_keyring(session, keyring, record)


def rewrite(store: EncryptedStore, session: str) -> int:
    """Write all values that are not under the current data key; gives how many there were.

    Then the session has this key alone, and no cached tokens. Raises `DamagedRecord` at a value
    that cannot be read: then the other values wait, and the older keys stay.
    """
    id = store.protection.keyring_now(session).current.id
    n_written = 0
    for kind in get_args(Kind):
        keys = store.keys(session, kind)
        for start in range(0, len(keys), BATCH):
            n_written += _rewrite_batch(store, session, kind, keys[start : start + BATCH])
    # before the last commit, which says that nothing is left under older keys, or plain
    store.raw.drop_blobs(session)
    store.raw.scrub()
    if _finish(store, session, id):
        store.raw.scrub()  # of the older wrapped keys
    return n_written


def _rewrite_batch(store: EncryptedStore, session: str, kind: Kind, keys: Sequence[str]) -> int:
    """Write these values under the current key; gives how many were under another."""
    for _ in range(TRIES):
        version = store.raw.version(session)
        keyring = store.protection.keyring_now(session)
        pairs = _pairs(store.raw, session, kind, keys)
        pairs = [pair for pair in pairs if not keyring.is_current(pair[1])]
        values = store.protection.unwrap_all(session, kind, pairs)
        writes = [
            Put(kind, key, keyring.current.encrypt(kind, key, _whole(kind, key, value)))
            for key, value in values
        ]
        try:
            if writes:
                store.raw.commit(session, writes, expect=version)
        except Conflict:
            continue
        return len(writes)
    raise _overtaken(session)


def _pairs(store: Store, session: str, kind: Kind, keys: Sequence[str]) -> list[tuple[str, bytes]]:
    """The stored bytes of these records, without those that are gone."""
    if is_batch(store):
        values = store.get_many(session, kind, keys)
    else:
        values = [store.get(session, kind, key) for key in keys]
    return [(key, data) for key, data in zip(keys, values, strict=True) if data is not None]


def _whole(kind: Kind, key: str, value: bytes) -> bytes:
    """The value. Raises `DamagedRecord` if it stands for damage."""
    if isinstance(value, DamagedValue):
        raise DamagedRecord(
            f"{kind} {key} cannot be encrypted again: {value.sentence}; "
            "check with repair first, then start again: the rest goes on from here"
        )
    return value


def _finish(store: EncryptedStore, session: str, id: bytes) -> bool:
    """Drop the keys that no value is under any more, unless another key is current by now.

    False if there was nothing to drop.
    Whoever writes after the rewriting has a keyring whose current key is this or a later key.
    """
    for _ in range(TRIES):
        version = store.raw.version(session)
        keyring = store.protection.keyring_now(session)
        if keyring.current.id != id or keyring.is_strict:
            return False
        try:
            commit_keyring(store, session, keyring.strict(), version)
        except Conflict:
            continue
        return True
    raise _overtaken(session)


def _overtaken(session: str) -> Conflict:
    return Conflict(
        f"session {session!r} changed {TRIES} times in a row while its key was exchanged; "
        "start again: what is done stays done"
    )

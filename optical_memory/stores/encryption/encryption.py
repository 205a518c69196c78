"""The protection of sessions by encryption: their keyrings, and their values through these.

A keyring is read with a session's other records, never asked for beside them. So a writer whose
`expect` is the session's present version has its present keyring too.
"""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.errors import KeyMismatch
from optical_memory.stores.base import Store
from optical_memory.stores.encryption.cipher import is_encrypted
from optical_memory.stores.encryption.key_record import (
    pack_keyring,
    repacked_keyring,
    unpack_keyring,
)
from optical_memory.stores.encryption.keyring import Keyring
from optical_memory.stores.encryption.tenant_key import KeyService
from optical_memory.stores.protection.base import KEY_RECORD, Protected, Protection
from optical_memory.stores.protection.checksums import Checksums

__all__ = ["Encryption"]


class Encryption(Protection):
    """Encrypts what is written under the session's data key, and decrypts what is read.

    `service` is the tenant's key, `raw` the store that has the sessions' key records.
    """

    def __init__(self, service: KeyService, raw: Store) -> None:
        self.service = service
        self.raw = raw
        self._plain = Checksums()
        # by session: the record's bytes and its keyring; one entry, so that both change at once
        self._keyrings: dict[str, tuple[bytes, Keyring]] = {}

    def note_record(self, session: str, data: bytes | None) -> None:
        """Take in the key record of a session as it is now; None if there is none.

        If it has the known data keys, wrapped by another tenant's key, they stay in use: a process
        that is open goes on when the tenant's key is changed.

        Raises `KeyMismatch`, `NewerFormat` and `StoreError` as `unpack_keyring`.
        """
        if data is None:
            self._keyrings.pop(session, None)
            return
        known = self._keyrings.get(session)
        if known is not None and known[0] == data:
            return
        keyring = None if known is None else repacked_keyring(known[1], data)
        if keyring is None:
            keyring = unpack_keyring(session, data, self.service)
        self._keyrings[session] = (data, keyring)

    def note_keyring(self, session: str, keyring: Keyring, data: bytes) -> None:
        """Take in a keyring that was written as `data`."""
        self._keyrings[session] = (data, keyring)

    def packed(self, keyring: Keyring) -> bytes:
        """The key record of a keyring. Raises `StoreError`."""
        return pack_keyring(keyring, self.service)

    def keyring(self, session: str) -> Keyring:
        """The session's keyring, from the store if it is not known.

        Raises `KeyMismatch` if the session has no key record.
        """
        known = self._keyrings.get(session)
        return self.keyring_now(session) if known is None else known[1]

    def keyring_now(self, session: str) -> Keyring:
        """The session's keyring as the store has it now. Raises as `keyring`."""
        self.note_record(session, self.raw.get(session, *KEY_RECORD))
        known = self._keyrings.get(session)
        if known is None:
            raise KeyMismatch(
                f"session {session!r} is not encrypted, or its data key was erased; encrypt it "
                "first (`optical-memory key encrypt`), or open it without a key"
            )
        return known[1]

    # ---- values ----------------------------------------------------------------------------------

    def wrap(self, session: str, kind: Protected, key: str, value: bytes) -> bytes:
        """The value, encrypted. Raises `KeyMismatch` if the session has no key record."""
        return self.keyring(session).current.encrypt(kind, key, value)

    def unwrap(self, session: str, kind: Protected, key: str, data: bytes) -> bytes:
        """The value. Raises `DamagedRecord` if it does not decrypt, `KeyMismatch` as `keyring`."""
        keyring = self.keyring(session)
        if not keyring.has_key_of(data):  # perhaps another process made a new data key since
            keyring = self.keyring_now(session)
        if keyring.accepts_plain and not is_encrypted(data):
            return self._plain.unwrap(session, kind, key, data)
        return keyring.decrypt(kind, key, data)

    def unwrap_all(
        self, session: str, kind: Protected, pairs: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """The pairs of keys and values, a `DamagedValue` for each value that does not decrypt."""
        if not pairs:
            return []
        values = self.keyring(session).current.decrypt_all(kind, pairs)
        if values is not None:
            return values
        return [(key, self.value_of(session, kind, key, data)) for key, data in pairs]

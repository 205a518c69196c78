"""The data keys of a session, unwrapped: the first encrypts, all of them decrypt."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from optical_memory.errors import DamagedRecord
from optical_memory.stores.encryption.cipher import (
    ID_BYTES,
    KEY_BYTES,
    RecordCipher,
    is_encrypted,
)

__all__ = [
    "DataKey",
    "Keyring",
]


@dataclass(frozen=True, slots=True)
class DataKey:
    """A random key that encrypts a session's values, and its id."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> DataKey:
        """A new random key."""
        return cls(secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES))


class Keyring:
    """A session's data keys, the current key first. There is a second while values are rewritten.

    With `accepts_plain` values that are not encrypted are read too: while a plain session is being
    encrypted, and at no other time. Raises `MissingExtra`.
    """

    def __init__(
        self, session: str, keys: Sequence[DataKey], *, accepts_plain: bool = False
    ) -> None:
        self.session = session
        self.keys = tuple(keys)
        self.accepts_plain = accepts_plain
        self.ciphers = [RecordCipher(key.secret, key.id, session) for key in keys]
        self.current = self.ciphers[0]
        self._by_prefix = {cipher.prefix: cipher for cipher in self.ciphers}

    @classmethod
    def generate(cls, session: str, *, accepts_plain: bool = False) -> Keyring:
        """A new random data key for a session."""
        return cls(session, [DataKey.generate()], accepts_plain=accepts_plain)

    def with_new_key(self) -> Keyring:
        """A new current key before the others."""
        key = DataKey.generate()
        while any(key.id == old_key.id for old_key in self.keys):
            key = DataKey.generate()
        return Keyring(self.session, [key, *self.keys], accepts_plain=self.accepts_plain)

    def strict(self) -> Keyring:
        """The current key alone, and no plain values."""
        return Keyring(self.session, self.keys[:1])

    @property
    def is_strict(self) -> bool:
        """False while the session's values are being rewritten."""
        return len(self.keys) == 1 and not self.accepts_plain

    def is_current(self, data: bytes) -> bool:
        """True if a stored value says that it is under the current key."""
        return data.startswith(self.current.prefix)

    def has_key_of(self, data: bytes) -> bool:
        """False for an encrypted value whose data key is none of these."""
        return not is_encrypted(data) or data[: len(self.current.prefix)] in self._by_prefix

    def decrypt(self, kind: str, key: str, data: bytes) -> bytes:
        """The value that is stored at this place. Raises `DamagedRecord`."""
        cipher = self._by_prefix.get(data[: len(self.current.prefix)])
        if cipher is not None:
            return cipher.decrypt(kind, key, data)
        if is_encrypted(data):
            raise DamagedRecord("it is encrypted under a data key that this session does not have")
        raise DamagedRecord("it is not encrypted, and the session is")

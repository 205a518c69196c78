"""Values of a session, encrypted and authenticated under a data key (AES-SIV, RFC 5297).

AES-SIV is safe if a nonce comes twice: it then tells only that two values are the same. A value
opens at its own place only. Format, data key, kind and key are authenticated with it, and the
session is a part of the key that encrypts it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from optical_memory.errors import DamagedRecord, MissingExtra
from optical_memory.stores.base import to_bytes
from optical_memory.stores.protection.base import ENCRYPTED_HEAD

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

__all__ = [
    "ALGORITHM",
    "HEADER_BYTES",
    "ID_BYTES",
    "KEY_BYTES",
    "RecordCipher",
    "aes_siv",
    "derive_key",
    "is_encrypted",
]

ALGORITHM: Final = "AES-256-SIV"
"""The name in a session's key record. Another algorithm needs another name there."""

ID_BYTES: Final = 4
"""Bytes of a data key's id: a session has at most a few data keys at once, all with other ids."""

NONCE_BYTES: Final = 12
"""Random bytes of each value: the same text, written twice, then gives other bytes (96 bits)."""

HEADER_BYTES: Final = len(ENCRYPTED_HEAD) + ID_BYTES + NONCE_BYTES

KEY_BYTES: Final = 32
"""Bytes of a data key and of a tenant's key (256 bits)."""

_SIV_KEY_BYTES = 64  # AES-256-SIV has two keys of 256 bits: to authenticate, and to encrypt
_HASH_BYTES = hashlib.sha256().digest_size


def derive_key(secret: bytes, purpose: bytes, n_bytes: int = KEY_BYTES) -> bytes:
    """A key for one purpose: HKDF-Expand of RFC 5869, with SHA-256. `secret` is random."""
    key = b""
    block = b""
    for number in range(1, -(-n_bytes // _HASH_BYTES) + 1):
        block = hmac.digest(secret, block + purpose + bytes([number]), "sha256")
        key += block
    return key[:n_bytes]


def aes_siv(secret: bytes, purpose: bytes) -> AESSIV:
    """AES-256-SIV under a key for one purpose. Raises `MissingExtra`."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    except ImportError as error:
        raise MissingExtra(
            "encryption needs the extra: pip install 'optical-memory[encryption]'"
        ) from error
    try:
        return AESSIV(derive_key(secret, purpose, _SIV_KEY_BYTES))
    except UnsupportedAlgorithm as error:
        raise MissingExtra(
            "this build of `cryptography` has no AES-SIV: install its wheel, which brings OpenSSL 3"
        ) from error


def is_encrypted(data: bytes) -> bool:
    """True if the bytes say that they are an encrypted value."""
    return data.startswith(ENCRYPTED_HEAD)


class RecordCipher:
    """Encrypts and decrypts the values of a session under one data key.

    `id` names the data key in each value. Raises `MissingExtra`.
    """

    def __init__(self, data_key: bytes, id: bytes, session: str) -> None:
        place = b"\0" + id + to_bytes(session)
        self._aead = aes_siv(data_key, b"optical-memory 1 records" + place)
        from cryptography.exceptions import InvalidTag

        self._invalid = InvalidTag
        self._blob_name_key = derive_key(data_key, b"optical-memory 1 blob names" + place)
        self._mac_key = derive_key(data_key, b"optical-memory 1 key record" + place)
        self.id = id
        self.prefix = ENCRYPTED_HEAD + id
        """The first bytes of all values under this key."""

    def encrypt(self, kind: str, key: str, value: bytes) -> bytes:
        """The value as it is stored at this place."""
        header = self.prefix + os.urandom(NONCE_BYTES)
        return header + self._aead.encrypt(value, [header + to_bytes(f"{kind}\0{key}")])

    def decrypt(self, kind: str, key: str, data: bytes) -> bytes:
        """The value that is stored at this place. Raises `DamagedRecord`."""
        header = data[:HEADER_BYTES]
        try:
            return self._aead.decrypt(data[HEADER_BYTES:], [header + to_bytes(f"{kind}\0{key}")])
        except (self._invalid, ValueError):
            pass
        raise DamagedRecord(
            "it does not decrypt: it was changed, or it stood at another place before"
        )

    def decrypt_all(
        self, kind: str, pairs: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]] | None:
        """The keys and values of many records; None if any of them does not decrypt.

        It does as little as it can, because a session may have 100,000 records: the header of a
        value is not looked at, since it is authenticated with the value.
        """
        decrypt = self._aead.decrypt
        place = f"{kind}\0".encode()
        try:
            return [
                (key, decrypt(data[HEADER_BYTES:], [data[:HEADER_BYTES] + place + key.encode()]))
                for key, data in pairs
            ]
        except (self._invalid, ValueError):  # ValueError: a lone surrogate in a key, or a cut value
            return None

    def blob_name(self, key: str) -> str:
        """The name of a blob in the store. Without the data key nobody can test a guess of it."""
        return hashlib.blake2b(to_bytes(key), key=self._blob_name_key, digest_size=20).hexdigest()

    def mac(self, data: bytes) -> str:
        """A code that only who has the data key can make: HMAC-SHA-256 in hex digits."""
        return hmac.digest(self._mac_key, data, "sha256").hex()

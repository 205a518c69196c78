"""A tenant's key, which wraps data keys: from a file, an environment variable, or a key service."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from optical_memory.errors import InputError, KeyMismatch
from optical_memory.stores.encryption.cipher import KEY_BYTES, aes_siv
from optical_memory.stores.sqlite_path import OWNER_ONLY

__all__ = [
    "KEY_VARIABLE",
    "KeyService",
    "TenantKey",
    "require_key",
]

KEY_VARIABLE: Final = "OPTICAL_MEMORY_KEY"
"""The environment variable that `TenantKey.from_env` reads."""

_LABEL = "optical-memory-key-1:"
"""Every written key begins with it: its kind and its version."""

_OTHERS = 0o077  # the bits of a file's mode that let anyone but the owner in
_ID_DIGITS = 16
_MOST_BYTES = 4096  # a key has 65 characters; nobody reads a huge file that is no key
_WRAPPING = b"optical-memory 1 wrap data keys"
_SPACE = re.compile(r"\s+")


class KeyService(Protocol):
    """Wraps data keys: a `TenantKey`, or a key management service (KMS) behind three names.

    `wrap` gives bytes from which only `unwrap` of the same key gives the data key back. `id` names
    the key: it is stored beside each wrapped key, in the clear.
    """

    @property
    def id(self) -> str:
        """The name of the key."""
        ...

    def wrap(self, data_key: bytes) -> bytes:
        """The data key (32 bytes), wrapped."""
        ...

    def unwrap(self, wrapped_key: bytes) -> bytes:
        """The data key. Any error means that it does not unwrap."""
        ...


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A key of 256 random bits that a tenant keeps. Who loses it loses every session under it.

    >>> key = TenantKey.generate()
    >>> TenantKey.from_text(key.to_text()) == key
    True

    Raises `InputError` for anything but 32 bytes.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) != KEY_BYTES:
            raise InputError(f"a tenant's key has {KEY_BYTES} bytes; make one with `key new`")

    def __repr__(self) -> str:
        return f"TenantKey(id={self.id!r})"

    @classmethod
    def generate(cls) -> TenantKey:
        """A new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> TenantKey:
        """The key that `to_text` wrote. Raises `InputError`, which never quotes the text."""
        written = _SPACE.sub("", text)
        try:
            if not written.startswith(_LABEL):
                raise ValueError
            secret = base64.b64decode(written.removeprefix(_LABEL), validate=True)
            return cls(secret)
        except (ValueError, binascii.Error):
            pass
        raise InputError(f"this is no key: a key is one line that begins with {_LABEL!r}")

    @classmethod
    def from_file(cls, path: str | Path) -> TenantKey:
        """The key in a file that only its owner can read.

        Raises `InputError` if others can read it, if it cannot be read, or if it holds no key.
        """
        try:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(_MOST_BYTES)
        except OSError as error:
            raise InputError(f"the key file {str(path)!r} cannot be read: {error}") from error
        if os.name == "posix" and mode & _OTHERS:
            raise InputError(
                f"others may read the key file {str(path)!r} (mode {mode & 0o777:o}): "
                f"chmod 600 it, and think about a new key"
            )
        try:
            return cls.from_text(data.decode("ascii", "replace"))
        except InputError as error:
            raise InputError(f"the file {str(path)!r} holds no key: {error}") from None

    @classmethod
    def from_env(cls, variable: str = KEY_VARIABLE) -> TenantKey:
        """The key in an environment variable. Raises `InputError` if there is none."""
        text = os.environ.get(variable)
        if not text:
            raise InputError(f"the environment variable {variable} holds no key")
        try:
            return cls.from_text(text)
        except InputError as error:
            raise InputError(f"the environment variable {variable}: {error}") from None

    def to_text(self) -> str:
        """The key as one line of text. Who reads it reads all that the key protects."""
        return _LABEL + base64.b64encode(self.secret).decode("ascii")

    def write(self, path: str | Path) -> None:
        """Write the key to a new file of mode 0600.

        Raises `InputError` if the file is there already, or cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            with os.fdopen(os.open(path, flags, OWNER_ONLY), "w", encoding="ascii") as file:
                file.write(self.to_text() + "\n")
                file.flush()
                os.fsync(file.fileno())  # before anything is encrypted with it
        except OSError as error:
            raise InputError(f"the key file {str(path)!r} cannot be written: {error}") from error

    @property
    def id(self) -> str:
        """A name that tells nothing of the key."""
        return hmac.digest(self.secret, b"optical-memory 1 key id", "sha256").hex()[:_ID_DIGITS]

    def wrap(self, data_key: bytes) -> bytes:
        """The data key under this key. Raises `MissingExtra`."""
        return aes_siv(self.secret, _WRAPPING).encrypt(data_key, [])

    def unwrap(self, wrapped_key: bytes) -> bytes:
        """The data key. Raises `KeyMismatch` if this key did not wrap it, and `MissingExtra`."""
        aead = aes_siv(self.secret, _WRAPPING)
        from cryptography.exceptions import InvalidTag

        try:
            return aead.decrypt(wrapped_key, [])
        except (InvalidTag, ValueError):
            pass
        raise KeyMismatch("the wrapped key was changed, or another key wrapped it")


def require_key(key: KeyService | None) -> None:
    """Raises `InputError` unless `key` is None or can wrap data keys."""
    if key is None:
        return
    if not all(hasattr(key, name) for name in ("id", "wrap", "unwrap")):
        raise InputError(
            f"key must be a TenantKey or a key service, not {type(key).__name__}; "
            "read it with TenantKey.from_file or TenantKey.from_env"
        )

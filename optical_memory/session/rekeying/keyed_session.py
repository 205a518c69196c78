"""A session and its keys: a part of `OpticalMemory`."""

from __future__ import annotations

from optical_memory.session.archive import Archive
from optical_memory.session.rekeying.exchange import (
    encrypt,
    finish_rekeying,
    is_rekeying,
    rotate_data_key,
    rotate_tenant_key,
)
from optical_memory.stores.encryption.tenant_key import KeyService

__all__ = ["KeyedSession", "key_problems"]

_CUT_SHORT = (
    "the session is being written under a new key, or that was cut short: until it is done, values "
    "under the older key, or plain values, are left; repair goes on with it"
)


class KeyedSession:
    """Encrypts its session, and exchanges its keys."""

    key: KeyService | None
    _archive: Archive

    def encrypt(self, key: KeyService) -> int:
        """Encrypt a session that is plain, in place; gives how many values were written.

        The plain values leave the store's files. Other processes need the key from now on. If it is
        cut short, the session can be used with the key, and the same call goes on.

        Raises `KeyMismatch` if the session is encrypted under another key, `DamagedRecord` at a
        value that cannot be read: `check(repair=True)` mends it, and the same call goes on.
        """
        n_written = encrypt(self._archive, key)
        self.key = key
        return n_written

    def rotate_key(self, key: KeyService) -> None:
        """Wrap the session's data key by another tenant's key. Nothing else is written.

        Memories that are open go on; later ones need the new key. Raises `KeyMismatch` if this
        memory has no key.
        """
        rotate_tenant_key(self._archive, key)
        self.key = key

    def rotate_data_key(self) -> int:
        """Give the session a new data key, and write every value under it; gives how many.

        Values that somebody copied from the store before do not open in it any more. If it is cut
        short, the same call goes on. Raises as `encrypt`.
        """
        return rotate_data_key(self._archive)


def key_problems(archive: Archive, *, repair: bool) -> list[str]:
    """A sentence if keys of the session are being exchanged; `repair` finishes that."""
    if not is_rekeying(archive):
        return []
    if repair:
        finish_rekeying(archive)
    return [_CUT_SHORT]

"""The seam between a store and what protects its values, and the value that stands for damage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from optical_memory.errors import DamagedRecord
from optical_memory.stores.base import Kind

__all__ = [
    "BLOB",
    "ENCRYPTED_HEAD",
    "KEY_RECORD",
    "DamagedValue",
    "Protected",
    "Protection",
    "refuse_damage",
]

Protected = Kind | Literal["blob"]
"""The kinds of values that are protected: those of records, and cached tokens."""

BLOB: Final = "blob"

KEY_RECORD: Final[tuple[Kind, str]] = ("session", "data-key")
"""Kind and key of the record that an encrypted session has, and a plain session has not."""

ENCRYPTED_HEAD: Final = b"\x89OM\x01"
"""The first bytes of every encrypted value. The first is no UTF-8, so no JSON begins with them, and
no PNG does (`\x89PNG`). The last is the version of the format.
"""


class DamagedValue(bytes):
    """Stands for a value that does not unwrap, so that one bad record fails no whole scan.

    Its bytes are no record, picture or segment. `sentence` says why, without content.
    """

    sentence: str

    def __new__(cls, sentence: str) -> DamagedValue:
        value = super().__new__(cls, b"\0damaged: " + sentence.encode())
        value.sentence = sentence
        return value


def refuse_damage(data: bytes) -> None:
    """Raises `DamagedRecord` with its sentence if `data` stands for a damaged value."""
    if isinstance(data, DamagedValue):
        raise DamagedRecord(data.sentence)


class Protection(Protocol):
    """Wraps each value for the store, and unwraps it after. Subclass it to inherit `unwrap_all`.

    `kind` is that of the record, or `BLOB` for cached tokens.
    """

    def wrap(self, session: str, kind: Protected, key: str, value: bytes) -> bytes:
        """The bytes that the store keeps."""
        ...

    def unwrap(self, session: str, kind: Protected, key: str, data: bytes) -> bytes:
        """The value in these bytes. Raises `DamagedRecord`, with a sentence without content."""
        ...

    def unwrap_all(
        self, session: str, kind: Protected, pairs: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """The pairs of keys and values, a `DamagedValue` for each value that does not unwrap."""
        return [(key, self.value_of(session, kind, key, data)) for key, data in pairs]

    def value_of(self, session: str, kind: Protected, key: str, data: bytes) -> bytes:
        """The value in these bytes; a `DamagedValue` if they do not unwrap."""
        try:
            return self.unwrap(session, kind, key, data)
        except DamagedRecord as error:
            return DamagedValue(str(error))

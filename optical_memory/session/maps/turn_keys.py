"""The key of each turn by its id. Most ids are our own and say the key, so they cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from optical_memory.session.maps.sorted_map import SortedMap

__all__ = [
    "TurnKeys",
    "says_key",
]

KEY_DIGITS = 9
"""Digits of a turn's key."""


def is_key(key: str, ordinal: int) -> bool:
    """True for the key of the turn with this ordinal."""
    return str(ordinal).zfill(KEY_DIGITS) == key


def says_key(id: str, key: str) -> bool:
    """True if the id is a "t" with the number of the key, as our own ids are.

    >>> says_key("t12", "000000012"), says_key("t012", "000000012"), says_key("m1", "000000012")
    (True, False, False)
    """
    return id[:1] == "t" and id[1:].zfill(KEY_DIGITS) == key and (id[1:2] != "0" or id == "t0")


class TurnKeys(Mapping[str, str]):
    """Keys by id of the turns in `turns`, which has their data by key.

    `id_of` gives the id in a turn's data. `pairs` are ids with their keys; those that say their key
    may be left out.
    """

    def __init__(
        self,
        id_of: Callable[[bytes], str],
        turns: SortedMap[bytes] | None = None,
        pairs: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._id_of = id_of
        self._turns: SortedMap[bytes] = SortedMap() if turns is None else turns
        self._others = SortedMap((id, key) for id, key in pairs if not says_key(id, key))

    def after(self, turns: SortedMap[bytes], changes: Mapping[str, str | None]) -> TurnKeys:
        """The keys of these turns after changes by id; None removes an id."""
        successor = TurnKeys(self._id_of, turns)
        successor._others = self._others.after(
            {id: None if key is None or says_key(id, key) else key for id, key in changes.items()}
        )
        return successor

    def __getitem__(self, id: str) -> str:
        key = self._others.get(id)
        if key is not None:
            return key
        key = id[1:].zfill(KEY_DIGITS)
        if says_key(id, key) and key in self._turns and self._id_of(self._turns[key]) == id:
            return key
        raise KeyError(id)

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[str]:
        return (self._id_of(data) for _, data in self._turns.pairs())

"""Mappings in the order of their keys that cost by the size of a change, however large they are.

A `SortedMap` never changes: the map after some changes is another map, which shares the rest with
it. A `ParsedMap` parses its values when they are asked for. A `DeferredMap` is loaded when it is
first asked for.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, ValuesView
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from optical_memory.stores.locks import TurnLock

__all__ = [
    "DeferredMap",
    "ParsedMap",
    "SortedMap",
]

Value = TypeVar("Value")
Parsed = TypeVar("Parsed")
Fact = TypeVar("Fact")

LEAF_KEYS: Final = 256
"""The most keys of a leaf. A change copies its leaf and the list of leaves: with 100,000 keys both
are about as long.
"""

CACHE_KEYS: Final = 4096
"""How many parsed values a `ParsedMap` keeps: more than a question reads, open turns included.

An agent's long chat that was never sealed has some 2,000 of these.
"""


class SortedMap(Mapping[str, Value]):
    """Values by key, in key order: a list of leaves, each a dictionary of neighbours."""

    def __init__(self, pairs: Iterable[tuple[str, Value]] = ()) -> None:
        leaves = list(_leaves(iter(pairs)))
        if not _are_rising(leaves):
            leaves = _parts(_in_key_order(leaves))
        self._leaves = leaves or [{}]
        self._first_keys = [_first_key(leaf) for leaf in self._leaves]
        self._length = sum(map(len, self._leaves))

    def after(self, changes: Mapping[str, Value | None]) -> SortedMap[Value]:
        """The map with these values; None removes a key, which need not be there."""
        if not changes:
            return self
        if not self._length:
            return SortedMap(_values(changes))
        by_place: defaultdict[int, dict[str, Value | None]] = defaultdict(dict)
        for key, value in changes.items():
            by_place[self._place(key)][key] = value
        leaves = self._leaves.copy()
        first_keys = self._first_keys.copy()
        length = self._length
        for place in sorted(by_place, reverse=True):
            leaf = _leaf_after(leaves[place], by_place[place])
            length += len(leaf) - len(leaves[place])
            parts = [leaf] if 0 < len(leaf) <= LEAF_KEYS else _parts(list(leaf.items()))
            leaves[place : place + 1] = parts
            first_keys[place : place + 1] = [_first_key(part) for part in parts]
        if not length:
            return SortedMap()
        successor: SortedMap[Value] = SortedMap.__new__(SortedMap)
        successor._leaves = leaves
        successor._first_keys = first_keys
        successor._length = length
        return successor

    def _place(self, key: str) -> int:
        """The index of the leaf that has the key, if any has it."""
        return max(bisect_right(self._first_keys, key) - 1, 0)

    def __getitem__(self, key: str) -> Value:
        return self._leaves[self._place(key)][key]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._leaves)

    def __reversed__(self) -> Iterator[str]:
        for leaf in reversed(self._leaves):
            yield from reversed(leaf)

    def pairs(self) -> Iterator[tuple[str, Value]]:
        """Each key with its value, faster than `items`."""
        for leaf in self._leaves:
            yield from leaf.items()

    def reversed_pairs(self) -> Iterator[tuple[str, Value]]:
        """The pairs, the last first."""
        for leaf in reversed(self._leaves):
            yield from reversed(leaf.items())


def _values(changes: Mapping[str, Value | None]) -> Iterator[tuple[str, Value]]:
    """The keys that get a value, each with it."""
    return ((key, value) for key, value in changes.items() if value is not None)


def _leaves(pairs: Iterator[tuple[str, Value]]) -> Iterator[dict[str, Value]]:
    """The pairs as leaves, in the order in which they come."""
    leaf = dict(itertools.islice(pairs, LEAF_KEYS))
    while leaf:
        yield leaf
        leaf = dict(itertools.islice(pairs, LEAF_KEYS))


def _are_rising(leaves: Sequence[dict[str, Value]]) -> bool:
    """True if the keys rise from the first leaf to the last."""
    last_key: str | None = None
    for leaf in leaves:
        keys = list(leaf)
        if (last_key is not None and keys[0] <= last_key) or sorted(keys) != keys:
            return False
        last_key = keys[-1]
    return True


def _in_key_order(leaves: Sequence[dict[str, Value]]) -> list[tuple[str, Value]]:
    """The pairs of all leaves in key order; of pairs with the same key the last."""
    values: dict[str, Value] = {}
    for leaf in leaves:
        values.update(leaf)
    return sorted(values.items(), key=itemgetter(0))


def _first_key(leaf: Mapping[str, object]) -> str:
    return next(iter(leaf), "")


def _leaf_after(leaf: dict[str, Value], changes: Mapping[str, Value | None]) -> dict[str, Value]:
    """The leaf with these changes; it may be too long."""
    n_new = len(changes.keys() - leaf.keys())
    leaf = leaf.copy()
    leaf.update(_values(changes))
    for key in [key for key, value in changes.items() if value is None]:
        leaf.pop(key, None)
    return _in_order(leaf, n_new)


def _in_order(leaf: dict[str, Value], n_last: int) -> dict[str, Value]:
    """The leaf in key order, of which all but the last `n_last` keys are in order."""
    if _is_rising(list(leaf)[-n_last - 1 :]):
        return leaf
    return dict(sorted(leaf.items(), key=itemgetter(0)))


def _is_rising(keys: list[str]) -> bool:
    return all(map(str.__lt__, keys, itertools.islice(keys, 1, None)))


def _parts(pairs: list[tuple[str, Value]]) -> list[dict[str, Value]]:
    """Leaves of these pairs that are about as long as each other; none without pairs."""
    if not pairs:
        return []
    n_parts = math.ceil(len(pairs) / LEAF_KEYS)
    size = math.ceil(len(pairs) / n_parts)
    return [dict(pairs[start : start + size]) for start in range(0, len(pairs), size)]


class ParsedMap(Mapping[str, Parsed], Generic[Parsed]):
    """Values by key, in key order, kept as `data` and parsed when they are asked for.

    A few parsed values are kept. `parse` may raise any error; then asking for that value raises it.
    """

    def __init__(
        self, parse: Callable[[bytes], Parsed], data: SortedMap[bytes] | None = None
    ) -> None:
        self.data: SortedMap[bytes] = SortedMap() if data is None else data
        self._parse = parse
        # Parsed values by key, with the data of each: of this map alone, so that a value which was
        # changed or removed is in no newer map.
        self._cache: dict[str, tuple[bytes, Parsed]] = {}
        # Facts by function and key, with the data of each: shared with the maps after this one.
        self._facts: dict[Callable[[Parsed], Any], dict[str, tuple[bytes, Any]]] = {}

    def after(self, changes: Mapping[str, bytes | None]) -> ParsedMap[Parsed]:
        """The map with these values; None removes a key."""
        if not changes:
            return self
        successor = ParsedMap(self._parse, self.data.after(changes))
        successor._cache = self._cache.copy()
        successor._facts = self._facts
        for memory in (successor._cache, *list(self._facts.values())):
            for key in changes:
                memory.pop(key, None)
        return successor

    def facts(self, function: Callable[[Parsed], Fact]) -> list[Fact]:
        """`function` of each value, in key order, computed again only for values that changed.

        The facts are kept as long as the map, so `function` must be a function of a module.
        """
        memory = self._facts.setdefault(function, {})
        facts: list[Fact] = []
        for key, data in self.data.pairs():
            entry = memory.get(key)
            if entry is None or entry[0] is not data:
                entry = (data, function(self.value_of(key, data)))
                memory[key] = entry
            facts.append(entry[1])
        return facts

    def value_of(self, key: str, data: bytes) -> Parsed:
        """The value that these data of the key stand for."""
        entry = self._cache.get(key)
        return entry[1] if entry is not None and entry[0] is data else self._parse(data)

    def __getitem__(self, key: str) -> Parsed:
        data = self.data[key]
        value = self.value_of(key, data)
        if len(self._cache) >= CACHE_KEYS and key not in self._cache:
            self._cache.clear()  # in one step, as other threads may read it
        self._cache[key] = (data, value)
        return value

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.data)

    def values(self) -> ParsedValues[Parsed]:
        """The values in key order; `reversed` gives the last first."""
        return ParsedValues(self)


class ParsedValues(ValuesView[Parsed]):
    """The values of a `ParsedMap`, each parsed when its turn comes."""

    def __init__(self, parsed_map: ParsedMap[Parsed]) -> None:
        super().__init__(parsed_map)
        self._map = parsed_map

    def __iter__(self) -> Iterator[Parsed]:
        return itertools.starmap(self._map.value_of, self._map.data.pairs())

    def __reversed__(self) -> Iterator[Parsed]:
        return itertools.starmap(self._map.value_of, self._map.data.reversed_pairs())


class DeferredMap(Mapping[str, bytes]):
    """Values by key, in key order, that `load` gives when they are first asked for.

    `load` runs once and may raise any error; then it runs again the next time. It gives what its
    source holds by then, so the source must have every change that `after` was told of. A map
    without `load` begins empty.
    """

    def __init__(self, load: Callable[[], Iterable[tuple[str, bytes]]] | None = None) -> None:
        self._load = load
        self._lock = TurnLock()  # so that no change comes while the values are being loaded
        self._values: SortedMap[bytes] | None = None if load is not None else SortedMap()

    def after(self, changes: Mapping[str, bytes | None]) -> DeferredMap:
        """The map with these values; None removes a key. Loads nothing."""
        with self._lock:
            if self._values is None or not changes:
                return self
            successor = DeferredMap(self._load)
            successor._values = self._values.after(changes)
            return successor

    def _loaded(self) -> SortedMap[bytes]:
        with self._lock:
            if self._values is None and self._load is not None:
                self._values = SortedMap(self._load())
            assert self._values is not None
            return self._values

    def __getitem__(self, key: str) -> bytes:
        return self._loaded()[key]

    def __len__(self) -> int:
        return len(self._loaded())

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

"""Values that JSON data lacks because their key stands twice in an object: the last one counts."""

from __future__ import annotations

import json
from typing import Any

from optical_memory.loaders.content.json_documents import parse_documents

__all__ = [
    "count_keys",
    "overwritten_values",
]


def count_keys(raw: bytes) -> int:
    """The keys of all objects, if each stands right before its colon; else another number.

    Within a text a quotation mark stands behind a backslash.
    """
    return raw.count(b'":') - raw.count(b'\\":')


def overwritten_values(raw: bytes) -> list[tuple[str, Any]]:
    """(key, value) of each key that comes again in its object, but for the last time.

    >>> overwritten_values(b'{"a": 1, "b": 2, "a": 3}')
    [('a', 1)]

    It takes some times as long as reading the data: call it if the numbers of keys differ.
    """
    objects = _Objects()
    parse_documents(raw, json.JSONDecoder(object_pairs_hook=objects.add))
    return objects.overwritten


class _Objects:
    """Makes objects of pairs, and remembers the pairs that have no place in them."""

    def __init__(self) -> None:
        self.overwritten: list[tuple[str, Any]] = []

    def add(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            last = {key: n for n, (key, _) in enumerate(pairs)}
            self.overwritten += [pair for n, pair in enumerate(pairs) if last[pair[0]] != n]
        return data

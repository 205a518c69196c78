"""Ordinals of turns and pages, out of their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.session.maps.sorted_map import ParsedMap

__all__ = ["next_ordinal"]


def next_ordinal(kind: str, keys: ParsedMap[Any], damage: Mapping[tuple[Any, str], str]) -> int:
    """1 more than the last ordinal among the keys, which are in order, and those of damage."""
    last = next((int(key) for key in reversed(keys) if key.isdecimal()), -1)
    ordinals = [int(key) for kind_, key in damage if kind_ == kind and key.isdecimal()]
    return max([last, *ordinals]) + 1

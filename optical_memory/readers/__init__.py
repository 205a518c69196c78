"""Models that see pages and read them back: one protocol, one room for each family."""

from __future__ import annotations

from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readers.base import Reader
from optical_memory.readers.registry import open_reader
from optical_memory.readings import Reading

__all__ = [
    "Ladder",
    "Reader",
    "ReaderProfile",
    "Reading",
    "Rung",
    "open_reader",
]

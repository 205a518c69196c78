"""pocket: the small reader that ships in the package, with its weights."""

from __future__ import annotations

from optical_memory.readers.pocket.reader import PocketReader

__all__ = ["PocketReader"]

"""The characters that pocket can read. Data only, so that writers know them without loading torch."""

from __future__ import annotations

__all__ = ["CHARSET"]

CHARSET = (
    "".join(map(chr, range(32, 127)))
    + "\t"
    + "".join(map(chr, [c for c in range(0xA1, 0x100) if c != 0xAD]))
    + "–—‘’“”„…•→←↑↓⇒€™≤≥≠−│─├└┌┐┘┤■□●○★"
)
"""ASCII, tab, Latin-1 and common typographic signs, in the order of pocket's token ids."""

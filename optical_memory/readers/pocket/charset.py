"""The characters that pocket can read. Data only, so that writers know them without loading torch."""

from __future__ import annotations

__all__ = ["CHARSET"]

LATIN = (
    "".join(map(chr, range(32, 127)))
    + "\t"
    + "".join(map(chr, [c for c in range(0xA1, 0x100) if c != 0xAD]))
    + "–—‘’“”„…•→←↑↓⇒€™≤≥≠−│─├└┌┐┘┤■□●○★"
)
GREEK = "".join(map(chr, [c for c in range(0x386, 0x3CF) if c not in (0x387, 0x38B, 0x38D, 0x3A2)]))
CYRILLIC = (
    "".join(map(chr, [c for c in range(0x401, 0x460) if c not in (0x40D, 0x450, 0x45D)])) + "Ґґ"
)

CHARSET = LATIN + GREEK + CYRILLIC
"""ASCII, tab, Latin-1, common typographic signs, Greek and Cyrillic letters, in the order of
pocket's token ids.
"""

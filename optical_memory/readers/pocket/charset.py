"""The characters that pocket can read. Data only: a writer can know them without torch."""

from __future__ import annotations

__all__ = [
    "CHARSET",
    "CYRILLIC",
    "GREEK",
    "LATIN",
]

SOFT_HYPHEN = 0xAD
NO_GREEK = (0x387, 0x38B, 0x38D, 0x3A2)  # signs, or code points without a letter
NO_RUSSIAN = (0x40D, 0x450, 0x45D)  # letters that Russian and Ukrainian do not use

ASCII = "".join(map(chr, range(0x20, 0x7F))) + "\t"
LATIN_1 = "".join(chr(code) for code in range(0xA1, 0x100) if code != SOFT_HYPHEN)
TYPOGRAPHY = "–—‘’“”„…•→←↑↓⇒€™≤≥≠−│─├└┌┐┘┤■□●○★"

LATIN = ASCII + LATIN_1 + TYPOGRAPHY
GREEK = "".join(chr(code) for code in range(0x386, 0x3CF) if code not in NO_GREEK)
CYRILLIC = "".join(chr(code) for code in range(0x401, 0x460) if code not in NO_RUSSIAN) + "Ґґ"

CHARSET = LATIN + GREEK + CYRILLIC
"""ASCII, tab, Latin-1, common typographic signs, Greek and Cyrillic letters.

Their order is the order of pocket's token ids: the weights depend on it.
"""

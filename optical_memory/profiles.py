"""Facts about model families, as data: the rungs of the ladder and what a reader is. No model code.

Tokens are what the decoder really receives: a side of S px gives n = S/64 visual tokens a row, a newline vector after
each row and one separator, n(n+1)+1 in all (73, 111, 273, 421), of which n² are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from optical_memory.pages import Grid

__all__ = ["V1_LADDER", "ReaderProfile", "Rung"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: a picture of `side_px` x `side_px`."""

    name: str
    side_px: int

    @property
    def grid_tokens(self) -> int:
        """Visual tokens stored (n²)."""
        return (self.side_px // 64) ** 2

    @property
    def tokens(self) -> int:
        """Tokens the decoder receives (n(n+1)+1)."""
        n = self.side_px // 64
        return n * (n + 1) + 1


V1_LADDER = (Rung("large", 1280), Rung("base", 1024), Rung("small", 640), Rung("tiny", 512))
"""DeepSeek-OCR's four native sizes, the finest first."""


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """What a memory must know of a reader before it loads it.

    `dim` is the width of a visual token, `charset` the characters that it can read (None: it does not say),
    `ladder` its rungs from the finest to the coarsest, `grid` the page geometry that it was trained on.
    """

    id: str
    revision: str
    dim: int
    ladder: tuple[Rung, ...] = V1_LADDER
    grid: Grid = field(default_factory=Grid)
    charset: frozenset[str] | None = None

    def rung(self, name: str) -> Rung:
        for rung in self.ladder:
            if rung.name == name:
                return rung
        raise KeyError(f"reader {self.id!r} has no rung {name!r}; it has {[r.name for r in self.ladder]}")

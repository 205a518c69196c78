"""Facts about model families, as data: the rungs of the ladder and what a reader is. No model code.

Tokens are what the decoder really receives: a side of S px gives n = S/64 visual tokens a row.
DeepSeek-OCR puts a newline vector after each row and one separator at the end, n(n+1)+1 in all (73,
111, 273, 421), of which n² are stored; other families count otherwise, and tiles come on top
(`Views`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from optical_memory.pages import Grid

__all__ = ["PX_PER_TOKEN", "V1_LADDER", "Ladder", "ReaderProfile", "Rung", "Views"]

PX_PER_TOKEN = 64
"""A visual token stands for so many px squared: patches of 16 px, then a compressor that halves
twice.
"""


@dataclass(frozen=True, slots=True)
class Views:
    """What an encoder looks at of one picture, and what its tokens are.

    The whole page is seen at `page_px` square; where there are tiles, the picture is also cut into
    `across` x `down` tiles of `tile_px`. `newlines`: one constant vector after each row of tokens
    (tiles are rows of one mosaic). `separator`: one constant vector after the whole.
    """

    page_px: int
    tile_px: int = 0
    across: int = 0
    down: int = 0
    newlines: bool = True
    separator: bool = True

    @property
    def tiles(self) -> int:
        return self.across * self.down

    @property
    def n_grid_tokens(self) -> int:
        """Tokens that depend on the picture."""
        return (self.page_px // PX_PER_TOKEN) ** 2 + self.tiles * (
            self.tile_px // PX_PER_TOKEN
        ) ** 2

    @property
    def n_tokens(self) -> int:
        """Those, with newlines and separator."""
        rows = self.page_px // PX_PER_TOKEN + self.down * (self.tile_px // PX_PER_TOKEN)
        return self.n_grid_tokens + (rows if self.newlines else 0) + self.separator


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: a picture of `side_px` x `side_px`, or of whole tiles, and how it is
    looked at.
    """

    name: str
    side_px: int
    tiled: Views | None = None
    """None: one view of the whole picture, counted as DeepSeek-OCR counts."""

    @property
    def views(self) -> Views:
        return self.tiled or Views(self.side_px)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the picture: square but for mosaics that are not."""
        views = self.views
        if views.across == views.down:
            return self.side_px, self.side_px
        return views.across * views.tile_px, views.down * views.tile_px

    @property
    def n_grid_tokens(self) -> int:
        """Visual tokens stored."""
        return self.views.n_grid_tokens

    @property
    def n_tokens(self) -> int:
        """Tokens the decoder receives."""
        return self.views.n_tokens


class Ladder(tuple[Rung, ...]):
    """The rungs of a reader, the finest first.

    A state below the last rung ("stub", "forgotten") or no rung at all (None) is no step: every
    rung is finer than it, and none is coarser.
    """

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(rung.name for rung in self)

    def step(self, name: str | None) -> int:
        """How many rungs are finer than the rung called `name`: 0 for the finest.

        It is the number of all rungs if there is no such rung.
        """
        names = self.names
        return names.index(name) if name in names else len(names)

    def finer(self, name: str | None) -> Ladder:
        """The rungs above the rung called `name`."""
        return Ladder(self[: self.step(name)])

    def coarser(self, name: str | None) -> Ladder:
        """The rungs below the rung called `name`."""
        return Ladder(self[self.step(name) + 1 :])

    def down_from(self, name: str | None) -> Ladder:
        """The rung called `name` and all below it."""
        return Ladder(self[self.step(name) :])


V1_LADDER = Ladder((Rung("large", 1280), Rung("base", 1024), Rung("small", 640), Rung("tiny", 512)))
"""DeepSeek-OCR's four native sizes, the finest first."""


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """What a memory must know of a reader before it loads it.

    `dim` is the width of a visual token, `charset` the characters that it can read (None: it does
    not say), `ladder` its rungs from the finest to the coarsest, `grid` the page geometry that it
    was trained on, or that suits it. `fidelity` is a published curve, (drawn px² per character,
    character accuracy), empty where there is none.
    """

    id: str
    revision: str
    dim: int
    ladder: Ladder = V1_LADDER
    grid: Grid = field(default_factory=Grid)
    charset: frozenset[str] | None = None
    fidelity: tuple[tuple[float, float], ...] = ()

    def expected(self, density_px2_per_char: float) -> float | None:
        """Published accuracy at a density, between its points in straight lines; None where nothing
        is published, or for more crowded pages than were measured.
        """
        if not self.fidelity or density_px2_per_char < self.fidelity[0][0]:
            return None
        for (x, y), (x2, y2) in pairwise(self.fidelity):
            if density_px2_per_char <= x2:
                return y + (y2 - y) * (density_px2_per_char - x) / (x2 - x)
        return self.fidelity[-1][1]

    def rung(self, name: str) -> Rung:
        for rung in self.ladder:
            if rung.name == name:
                return rung
        raise KeyError(
            f"reader {self.id!r} has no rung {name!r}; it has {[r.name for r in self.ladder]}"
        )

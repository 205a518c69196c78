"""Facts about model families, as data: the rungs of the ladder, and profiles of readers.

Knows no model code. Tokens are counted as the decoder receives them: a side of S px gives n = S/64
visual tokens a row. DeepSeek-OCR puts a newline vector after each row and one separator at the end,
n(n+1)+1 in all (73, 111, 273, 421), of which n² are stored. Other families count otherwise, and
tiles come on top (`Views`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from optical_memory.pages import Grid

__all__ = [
    "PX_PER_TOKEN",
    "V1_LADDER",
    "Ladder",
    "ReaderProfile",
    "Rung",
    "Views",
]

PX_PER_TOKEN = 64
"""A visual token stands for so many px squared: patches of 16 px, then a compressor that halves
twice.
"""


@dataclass(frozen=True, slots=True)
class Views:
    """How an encoder looks at one picture, and how many tokens come of it.

    It sees the whole page at `page_px` square. If there are tiles, it also sees `across` x `down`
    tiles of `tile_px`. `newlines`: a constant vector follows each row of tokens (tiles are rows of
    one mosaic). `separator`: a constant vector follows the whole.
    """

    page_px: int
    tile_px: int = 0
    across: int = 0
    down: int = 0
    newlines: bool = True
    separator: bool = True

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        return self.across * self.down

    @property
    def n_grid_tokens(self) -> int:
        """Tokens that depend on the picture."""
        per_page = (self.page_px // PX_PER_TOKEN) ** 2
        per_tile = (self.tile_px // PX_PER_TOKEN) ** 2
        return per_page + self.tiles * per_tile

    @property
    def n_tokens(self) -> int:
        """Tokens that the decoder receives: newlines and separator too."""
        rows = self.page_px // PX_PER_TOKEN + self.down * (self.tile_px // PX_PER_TOKEN)
        return self.n_grid_tokens + (rows if self.newlines else 0) + self.separator


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: a picture of `side_px` x `side_px`, or of whole tiles.

    >>> Rung("base", 1024).n_tokens
    273

    `tiled` says how a reader with tiles looks at the picture. None: one view of the whole picture,
    counted as DeepSeek-OCR counts.
    """

    name: str
    side_px: int
    tiled: Views | None = None

    @property
    def views(self) -> Views:
        """How the picture is looked at."""
        return self.tiled or Views(self.side_px)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the picture: square, except mosaics of unequal sides."""
        views = self.views
        if views.across == views.down:
            return self.side_px, self.side_px
        return views.across * views.tile_px, views.down * views.tile_px

    @property
    def n_grid_tokens(self) -> int:
        """Visual tokens that are stored."""
        return self.views.n_grid_tokens

    @property
    def n_tokens(self) -> int:
        """Visual tokens that the decoder receives."""
        return self.views.n_tokens


class Ladder(tuple[Rung, ...]):
    """The rungs of a reader, the finest first.

    >>> V1_LADDER.names
    ('large', 'base', 'small', 'tiny')
    >>> V1_LADDER.step("base"), V1_LADDER.finer("base").names, V1_LADDER.coarser("base").names
    (1, ('large',), ('small', 'tiny'))
    >>> V1_LADDER.down_from("small").names
    ('small', 'tiny')

    A page below the last rung ("stub", "forgotten") and a page without a rung (None) stand on no
    step: every rung is finer than theirs, and none is coarser.

    >>> V1_LADDER.step("stub"), len(V1_LADDER.finer("stub")), V1_LADDER.coarser(None)
    (4, 4, ())
    """

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rungs, the finest first."""
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
        """The rung called `name` and all rungs below it."""
        return Ladder(self[self.step(name) :])


V1_LADDER = Ladder((Rung("large", 1280), Rung("base", 1024), Rung("small", 640), Rung("tiny", 512)))
"""DeepSeek-OCR's four native sizes, the finest first."""


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """All that a memory must know of a reader before it loads it.

    `dim` is the width of a visual token. `charset` has the characters that the reader can read;
    None if it does not say. `reads_cells`: it reads every cell by itself, with a confidence of its
    own, so a certificate names each character that it may misread. `grid` is the page geometry that
    it was trained on, or that suits it. `fidelity` is a published curve of (drawn px² per
    character, character accuracy), empty if none was published.
    """

    id: str
    revision: str
    dim: int
    ladder: Ladder = V1_LADDER
    grid: Grid = field(default_factory=Grid)
    charset: frozenset[str] | None = None
    fidelity: tuple[tuple[float, float], ...] = ()
    reads_cells: bool = False

    def expected(self, density_px2_per_char: float) -> float | None:
        """Published accuracy at a density, between its points in straight lines.

        None if nothing is published, or if the page is more crowded than any that was measured.
        """
        if not self.fidelity or density_px2_per_char < self.fidelity[0][0]:
            return None
        for (x, y), (next_x, next_y) in pairwise(self.fidelity):
            if density_px2_per_char <= next_x:
                return y + (next_y - y) * (density_px2_per_char - x) / (next_x - x)
        return self.fidelity[-1][1]

    def rung(self, name: str) -> Rung:
        """The rung called `name`. Raises `KeyError` if the ladder has none of that name."""
        for rung in self.ladder:
            if rung.name == name:
                return rung
        raise KeyError(f"reader {self.id!r} has no rung {name!r}; it has {list(self.ladder.names)}")

"""Small honest stand-ins for tests: a reader that really sees and reads pages, without a model.

`TemplateReader` cuts a picture into the cells of its grid, finds each among the glyphs that the
renderer draws, and keeps one number a cell as its "visual tokens". What is not on the picture it
cannot read; what it shall misread, it misreads by a chance that the tokens seed. It is no neural
network and says nothing about one: it makes a memory's promises testable in milliseconds, at any
accuracy. Imports no torch.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from optical_memory.errors import ReaderMismatch
from optical_memory.memory import OpticalMemory
from optical_memory.pages import Grid, Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readings import UNREAD, Reading
from optical_memory.renderers.drawing import glyph_atlas
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.tokens import VisualTokens
from optical_memory.turns import body

__all__ = ["ALPHABET", "SMALL_GRID", "SMALL_LADDER", "TemplateReader", "turns_told"]

ALPHABET = "".join(map(chr, range(32, 127)))
"""What a `TemplateReader` can read. Below 128 signs, so that an INT8 token keeps each exactly."""

SMALL_GRID = Grid(columns=40, rows=16, text_columns=1)
"""A page of 640 characters: some twenty short turns seal one."""

SMALL_LADDER = (Rung("large", 512), Rung("base", 384), Rung("small", 256), Rung("tiny", 192))
"""Four rungs whose cells have room for a glyph on `SMALL_GRID`."""


class TemplateReader:
    """Reads what is drawn. `misread` is the share of characters read wrongly, by name of the rung
    (0 where not given).

    `calls` counts the pages that were encoded and decoded.
    """

    def __init__(
        self,
        *,
        misread: Mapping[str, float] | None = None,
        ladder: tuple[Rung, ...] = SMALL_LADDER,
        grid: Grid = SMALL_GRID,
        revision: str = "1",
    ) -> None:
        self.misread = dict(misread or {})
        fewest = min(rung.n_grid_tokens for rung in ladder)
        dim = -(-grid.columns * grid.rows // fewest)  # room for all cells at the coarsest rung
        self._profile = ReaderProfile("template", revision, dim, Ladder(ladder), grid, frozenset(ALPHABET))
        self.calls: Counter[str] = Counter()

    @property
    def profile(self) -> ReaderProfile:
        return self._profile

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """(side_px, side_px) pictures to (n², dim) tokens. Raises `ReaderMismatch` for a picture of
        another size.
        """
        self.calls["encoded"] += len(images)
        return [self._see(image, rung) for image in images]

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        """What the tokens say. Raises `ReaderMismatch` for tokens of another reader."""
        self.calls["decoded"] += len(tokens)
        return [self._read(t, layout) for t, layout in zip(tokens, layouts, strict=True)]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        return self.decode(tokens, [page.layout for page in pages])

    def _see(self, image: npt.NDArray[np.uint8], rung: Rung) -> VisualTokens:
        if image.shape != (rung.side_px, rung.side_px):
            raise ReaderMismatch(
                f"{rung.name} pages are {rung.side_px} px square, this one is {image.shape}"
            )
        grid = self.profile.grid
        width, height = cell_size(grid.columns, grid.rows, rung.side_px)
        known = _templates(width, height)
        ys = origins(grid.rows, rung.side_px, height)[:, None] + np.arange(height)
        xs = origins(grid.columns, rung.side_px, width)[:, None] + np.arange(width)
        cells = image[ys[:, None, :, None], xs[None, :, None, :]].reshape(
            -1, height * width
        )  # (cells, height * width)
        values = np.zeros(rung.n_grid_tokens * self.profile.dim, np.float32)
        values[: len(cells)] = [known.get(cell.tobytes(), 0) for cell in cells]
        made_by = (self.profile.id, self.profile.revision, rung.name)
        return VisualTokens(values.reshape(rung.n_grid_tokens, -1), *made_by)

    def _read(self, tokens: VisualTokens, layout: Layout) -> Reading:
        if (tokens.reader, tokens.revision) != (self.profile.id, self.profile.revision):
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to {self.profile.id}"
            )
        seen = np.rint(tokens.values.ravel()).astype(np.int64)
        wrong = self._slips(tokens)
        text: list[str] = []
        for row in layout.rows:
            at = row.y * layout.grid.columns + row.x
            chars = [
                _char(code, slip)
                for code, slip in zip(seen[at:], wrong[at : at + row.cells], strict=False)
            ]
            for cluster in reversed(row.clusters):
                chars[cluster.cell : cluster.cell + cluster.cells] = UNREAD * cluster.chars
            text += [*chars, row.join]
        read = "".join(text)
        return Reading(
            read, np.array([0.0 if char == UNREAD else 0.9 for char in read], np.float32)
        )

    def _slips(self, tokens: VisualTokens) -> npt.NDArray[np.bool_]:
        """Which cells are misread: the same ones whenever the same tokens are read."""
        chance = np.random.default_rng(zlib.crc32(np.rint(tokens.values).astype("<i4").tobytes()))
        share: npt.NDArray[np.bool_] = chance.random(tokens.values.size) < self.misread.get(
            tokens.rung, 0.0
        )
        return share


def _char(code: int, slip: bool) -> str:
    """A sign by its number, 0 for what is none of ours; a slip reads the next one in place of it
    (blanks are safe).
    """
    if code == 0:
        return UNREAD
    return ALPHABET[code % len(ALPHABET)] if slip and code > 1 else ALPHABET[code - 1]


@cache
def _templates(width: int, height: int) -> dict[bytes, int]:
    """The pixels of every sign in a cell of this size, and its number from 1."""
    tiles = glyph_atlas(width, height).tiles(np.array([[ord(char) for char in ALPHABET]]))[0]
    return {tile.tobytes(): number for number, tile in enumerate(tiles, 1)}


def turns_told(memory: OpticalMemory) -> dict[str, str]:
    """The body of every turn by id, as the memory tells it now: read back from its pages, and what
    is still open.

    Raises `Forgotten` if a page is.
    """
    snapshot = memory.archive.snapshot()
    told = dict.fromkeys((record.id for record in snapshot.turns.values()), "")
    for page in snapshot.pages.values():
        text = memory.read(page.id).text
        for span in page.get_layout().spans:
            told[span.turn] += text[span.body : span.end]
    for record in snapshot.open_turns():
        told[record.id] += body(record.turn)[record.sealed_upto :]
    return told

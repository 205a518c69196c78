"""Small honest stand-ins for tests: a reader that really sees and reads pages, without a model.

`TemplateReader` cuts a picture into the cells of its grid and compares each cell with the glyphs
that the renderer draws. Its "visual tokens" are one number a cell. It cannot read a character that
is not on the picture. It misreads a wanted share of characters, by a chance that the tokens seed.
It is no neural network and says nothing about any: it makes a memory's promises testable in
milliseconds, at any accuracy. Imports no torch.
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
from optical_memory.pages import Grid, Layout, Page, RowBox
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readings import UNREAD, Reading
from optical_memory.renderers.drawing import glyph_atlas
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.versions import host_id_of
from optical_memory.tokens import VisualTokens
from optical_memory.turns import body

__all__ = [
    "ALPHABET",
    "SMALL_GRID",
    "SMALL_LADDER",
    "TemplateReader",
    "turn_texts",
]

ALPHABET = "".join(map(chr, range(32, 127)))
"""The signs that a `TemplateReader` can read: less than 128, so that INT8 keeps each exactly."""

CONFIDENCE = 0.9
"""Of every character that a `TemplateReader` reads, right or wrong."""

SMALL_GRID = Grid(columns=40, rows=16, text_columns=1)
"""A page of 640 characters: some twenty short turns fill it."""

SMALL_LADDER = Ladder(
    (Rung("large", 512), Rung("base", 384), Rung("small", 256), Rung("tiny", 192))
)
"""Four rungs whose cells have room for a glyph on `SMALL_GRID`."""


class TemplateReader:
    """Reads the characters that are drawn on a page, and a share of them wrongly.

    >>> reader = TemplateReader(misread={"tiny": 0.1})
    >>> reader.profile.ladder.names
    ('large', 'base', 'small', 'tiny')

    `misread` is the share of characters that are read wrongly, by the name of the rung; 0 for rungs
    that it does not name. With `reads_cells` the memory relies on its certificates, as on those of
    pocket; without it, all exact facts are kept. `calls` counts the pages that were encoded and
    decoded, and the lines that were read.
    """

    def __init__(
        self,
        *,
        misread: Mapping[str, float] | None = None,
        ladder: Sequence[Rung] = SMALL_LADDER,
        grid: Grid = SMALL_GRID,
        revision: str = "1",
        reads_cells: bool = False,
    ) -> None:
        self.misread = dict(misread or {})
        coarsest = min(rung.n_grid_tokens for rung in ladder)
        dim = -(-grid.columns * grid.rows // coarsest)  # room for all cells at the coarsest rung
        charset = frozenset(ALPHABET)
        self._profile = ReaderProfile(
            "template", revision, dim, Ladder(ladder), grid, charset, reads_cells=reads_cells
        )
        self.calls: Counter[str] = Counter()

    @property
    def profile(self) -> ReaderProfile:
        """All that a memory must know of this reader."""
        return self._profile

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """(side_px, side_px) pictures to (n², dim) tokens.

        Raises `ReaderMismatch` for a picture of another size.
        """
        self.calls["encoded"] += len(images)
        return [self._encode_image(image, rung) for image in images]

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        """Readings of pages, or of `lines` of theirs.

        Raises `ReaderMismatch` for tokens of another reader.
        """
        self.calls["decoded"] += len(tokens)
        all_lines = [range(len(layout.rows)) for layout in layouts] if lines is None else lines
        self.calls["lines"] += sum(len(page_lines) for page_lines in all_lines)
        return [
            self._decode_page(page_tokens, layout, page_lines)
            for page_tokens, layout, page_lines in zip(tokens, layouts, all_lines, strict=True)
        ]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """The same readings as `decode`: this reader does not look at the text."""
        return self.decode(tokens, [page.layout for page in pages])

    def _encode_image(self, image: npt.NDArray[np.uint8], rung: Rung) -> VisualTokens:
        if image.shape != (rung.side_px, rung.side_px):
            raise ReaderMismatch(
                f"{rung.name} pages are {rung.side_px} px square, this picture is {image.shape}"
            )
        grid = self.profile.grid
        width, height = cell_size(grid.columns, grid.rows, rung.side_px)
        numbers = _numbers_by_pixels(width, height)
        ys = origins(grid.rows, rung.side_px, height)[:, None] + np.arange(height)
        xs = origins(grid.columns, rung.side_px, width)[:, None] + np.arange(width)
        pixels = image[ys[:, None, :, None], xs[None, :, None, :]]  # (rows, columns, height, width)
        cells = pixels.reshape(-1, height * width)
        values = np.zeros(rung.n_grid_tokens * self.profile.dim, np.float32)
        values[: len(cells)] = [numbers.get(cell.tobytes(), 0) for cell in cells]
        maker = (self.profile.id, self.profile.revision, rung.name)
        return VisualTokens(values.reshape(rung.n_grid_tokens, -1), *maker)

    def _decode_page(self, tokens: VisualTokens, layout: Layout, lines: Sequence[int]) -> Reading:
        if (tokens.reader, tokens.revision) != (self.profile.id, self.profile.revision):
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to {self.profile.id}"
            )
        numbers = np.rint(tokens.values.ravel()).astype(np.int64)
        slips = self._slips(tokens)
        parts: list[str] = []
        confidence: list[float] = []
        for i, row in enumerate(layout.rows):
            if i not in lines:
                parts += [" " * row.chars, row.join]
                confidence += [0.0] * row.chars + [CONFIDENCE] * len(row.join)
                continue
            first = row.y * layout.grid.columns + row.x
            end = first + row.cells
            text = _read_row(row, numbers[first:end], slips[first:end]) + row.join
            parts.append(text)
            confidence += [0.0 if char == UNREAD else CONFIDENCE for char in text]
        return Reading("".join(parts), np.array(confidence, np.float32))

    def _slips(self, tokens: VisualTokens) -> npt.NDArray[np.bool_]:
        """(cells,) True for cells that are misread: the same whenever the same tokens are read."""
        seed = zlib.crc32(np.rint(tokens.values).astype("<i4").tobytes())
        chances = np.random.default_rng(seed).random(tokens.values.size)
        is_slip: npt.NDArray[np.bool_] = chances < self.misread.get(tokens.rung, 0.0)
        return is_slip


def _read_row(row: RowBox, numbers: npt.NDArray[np.int64], slips: npt.NDArray[np.bool_]) -> str:
    """A row from the numbers of its cells; its clusters cannot be read."""
    chars = [_char(number, slip) for number, slip in zip(numbers, slips, strict=True)]
    for cluster in reversed(row.clusters):
        chars[cluster.cell : cluster.cell + cluster.cells] = UNREAD * cluster.chars
    return "".join(chars)


def _char(number: int, slip: bool) -> str:
    """The sign of a number; 0 is no sign of ours.

    A slip reads the next sign in place of it. Blanks are never misread.
    """
    if number == 0:
        return UNREAD
    is_misread = slip and number > 1
    return ALPHABET[number % len(ALPHABET)] if is_misread else ALPHABET[number - 1]


@cache
def _numbers_by_pixels(width: int, height: int) -> dict[bytes, int]:
    """The number of every sign, from 1, by its pixels in a cell of this size."""
    codes = np.array([[ord(char) for char in ALPHABET]])
    tiles = glyph_atlas(width, height).tiles(codes)[0]
    return {tile.tobytes(): number for number, tile in enumerate(tiles, 1)}


def turn_texts(memory: OpticalMemory) -> dict[str, str]:
    """The body of every turn by the host's id, as the memory has it now: read back from its pages,
    and from the turns that are still open. Of an edited turn it is that of the current version.

    Raises `Forgotten` if a page is forgotten.
    """
    # One snapshot for both: between two looks, an open turn could be put on a page.
    snapshot = Archive(memory.store, memory.session, key=memory.key).snapshot()
    records = [record for record in snapshot.turns.values() if not record.is_older_version]
    ids = {record.id: host_id_of(snapshot, record) for record in records}
    texts = dict.fromkeys(ids.values(), "")
    for page in snapshot.pages:
        text = memory.read(page).text
        layout = memory.inspect(page).layout
        for span in layout.spans if layout else ():
            if span.turn in ids:
                texts[ids[span.turn]] += text[span.body : span.end]
    for record in snapshot.open_turns():
        if record.id in ids:
            texts[ids[record.id]] += body(record.turn)[record.sealed_upto :]
    return texts

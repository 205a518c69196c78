"""pocket as a `Reader`: reads our own pages, in our own fonts, on our own grid.

The vision tower runs in `encode` only. `decode` asks the decoder about every cell of a page in one
pass, and again about lines of which it was not sure. A page is decoded as a batch of its own: no
reading depends on other pages. Loads torch at the first encode or decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import ReaderMismatch
from optical_memory.pages import Layout, Page
from optical_memory.profiles import V1_LADDER, Ladder, ReaderProfile, Rung
from optical_memory.readers.locked_property import locked_cached_property
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.files import CHECKPOINT, fingerprint
from optical_memory.readers.pocket.sizes import TOKEN_DIM
from optical_memory.readers.pocket.token_ids import ids_to_text
from optical_memory.readers.threads import wait_passively
from optical_memory.readings import UNREAD, Reading
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    from optical_memory.readers.pocket.network import PocketNetwork
    from optical_memory.readers.pocket.read_cells import RowReading

__all__ = [
    "LADDER",
    "PocketReader",
]

LADDER = tuple(rung for rung in V1_LADDER if rung.name != "large")
"""Base, Small and Tiny: at Base nothing is lost yet, so Large would cost tokens for nothing."""


class PocketReader:
    """A checkpoint of pocket in `folder`, by default the one that ships.

    A shorter `ladder` leaves rungs out: a memory with fewer rungs draws, encodes and certifies less
    for every page. `device` is "auto" or as in `checkpoints.devices.choose_device`. Raises
    `ReaderMismatch` for a rung that pocket was not trained at.
    """

    def __init__(
        self,
        folder: Path = CHECKPOINT,
        ladder: tuple[Rung, ...] = LADDER,
        *,
        device: str = "cpu",
    ) -> None:
        strange = [rung.name for rung in ladder if rung not in LADDER]
        if strange:
            raise ReaderMismatch(f"pocket was not trained at {', '.join(strange)}")
        wait_passively()
        self.folder = Path(folder)
        self.ladder = ladder
        self._device = device

    @property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint. Reads its files, but loads no torch.

        Raises `CheckpointError` if a file is missing.
        """
        return self._profile

    @cached_property
    def _profile(self) -> ReaderProfile:
        return ReaderProfile(
            "pocket",
            fingerprint(self.folder),
            dim=TOKEN_DIM,
            ladder=Ladder(self.ladder),
            charset=frozenset(CHARSET),
            reads_cells=True,
        )

    @locked_cached_property
    def network(self) -> PocketNetwork:
        """The weights, loaded at the first use. Raises `CheckpointError`."""
        from optical_memory.readers.checkpoints.devices import choose_device
        from optical_memory.readers.pocket.load import load_network

        device = choose_device("encoder", self._device, "float32").name
        return load_network(self.folder, LADDER, device)

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: each image is (side_px, side_px) uint8, black on white.

        Gives (n * n, 576) float32 tokens a page. Raises `ReaderMismatch` for another size.
        """
        from optical_memory.readers.pocket.encode_pages import encode_pages

        for image in images:
            if image.shape != (rung.side_px, rung.side_px):
                raise ReaderMismatch(
                    f"{rung.name} pages are {rung.side_px} px square, this picture is {image.shape}"
                )
        profile = self.profile
        return [
            VisualTokens(values, profile.id, profile.revision, rung.name)
            for values in encode_pages(self.network.model, images, rung.side_px)
        ]

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        """Read pages back from their tokens, one page after the other; of each page, `lines` alone.

        Raises `ReaderMismatch` for tokens of another reader, revision or size, and for a grid that
        pocket was not trained on.
        """
        all_lines = [None] * len(tokens) if lines is None else lines
        return [
            self._decode_page(page_tokens, layout, page_lines)
            for page_tokens, layout, page_lines in zip(tokens, layouts, all_lines, strict=True)
        ]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """Read pages as `decode` does: for pocket the text in hand changes nothing."""
        return self.decode(tokens, [page.layout for page in pages])

    def _decode_page(
        self, tokens: VisualTokens, layout: Layout, lines: Sequence[int] | None
    ) -> Reading:
        from optical_memory.readers.pocket.read_cells import read_page

        self._refuse_strange(tokens)
        rung = self.profile.rung(tokens.rung)
        return to_reading(layout, read_page(self.network, tokens.values, layout, rung, lines))

    def _refuse_strange(self, tokens: VisualTokens) -> None:
        """Raises `ReaderMismatch` for tokens that this checkpoint did not make."""
        profile = self.profile
        if (tokens.reader, tokens.revision) != (profile.id, profile.revision):
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to "
                f"{profile.id}@{profile.revision}"
            )
        shape = (profile.rung(tokens.rung).n_grid_tokens, profile.dim)
        if tokens.values.shape != shape:
            raise ReaderMismatch(f"{tokens.rung} has {shape} tokens, not {tokens.values.shape}")


def to_reading(layout: Layout, rows: Sequence[RowReading]) -> Reading:
    """The cells of every row as a page's text and confidences.

    A cell is a character, but for clusters, which pocket does not read, and for joins, which the
    layout knows. A row that was not read is blank, with confidence 0.
    """
    text: list[str] = []
    confidence: list[float] = []
    for row, reading in zip(layout.rows, rows, strict=True):
        if len(reading.ids) < row.cells:
            text += [" " * row.chars, row.join]
            confidence += [0.0] * row.chars + [1.0] * len(row.join)
            continue
        chars = list(ids_to_text(reading.ids))
        p = reading.confidence.tolist()
        for cluster in reversed(row.clusters):
            cells = slice(cluster.cell, cluster.cell + cluster.cells)
            chars[cells] = UNREAD * cluster.chars
            p[cells] = [0.0] * cluster.chars
        text += [*chars, row.join]
        confidence += p + [1.0] * len(row.join)
    values = np.array(confidence, np.float32)
    page_text = "".join(text)
    values[[i for i, char in enumerate(page_text) if char == UNREAD]] = 0
    return Reading(page_text, values)

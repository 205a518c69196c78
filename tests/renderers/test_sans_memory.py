"""A memory whose reader reads Noto Sans seals such pages, and whitens rows of a forgotten turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optical_memory import OpticalMemory, Turn
from optical_memory.pages import Grid, Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readings import UNREAD, Reading
from optical_memory.renderers.pictures import from_png
from optical_memory.renderers.styles import STYLES
from optical_memory.tokens import VisualTokens

SMALL = Grid(columns=50, rows=20, text_columns=1, gutter=0, style="sans")  # 24 em a line
LADDER = Ladder((Rung("large", 640), Rung("tiny", 320)))


class RowCounter:
    """A reader that sees how much ink stands in each row of a page and can read no letter."""

    profile = ReaderProfile("row-counter", "1", 1, LADDER, SMALL)

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        return [self._encode_image(image, rung) for image in images]

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        return [
            Reading(UNREAD * layout.n_chars, np.zeros(layout.n_chars, np.float32))
            for layout in layouts
        ]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        return self.decode(tokens, [page.layout for page in pages])

    def _encode_image(self, image: npt.NDArray[np.uint8], rung: Rung) -> VisualTokens:
        values = np.zeros((rung.n_grid_tokens, 1), np.float32)
        ink = (255 - image).sum(axis=1, dtype=np.float32)
        rows = np.array_split(ink, min(SMALL.rows, rung.n_grid_tokens))
        values[: len(rows), 0] = [row.sum() for row in rows]
        return VisualTokens(values, self.profile.id, self.profile.revision, rung.name)


def open_memory(folder: Path) -> OpticalMemory:
    return OpticalMemory(
        "alice",
        store=f"sqlite:///{folder}/m.db",
        reader=RowCounter(),
        keep_turns=2,
        background=False,
        capacity=10**6,
    )


def pictures(memory: OpticalMemory, page: str) -> dict[str, npt.NDArray[np.uint8]]:
    """The stored pictures of a page by rung."""
    return {name: from_png(memory.picture(page, name)) for name in LADDER.names}


def test_a_memory_seals_sans_pages_and_forgetting_a_turn_blanks_its_rows(tmp_path: Path) -> None:
    topics = [f"Topic {i} is on shelf {i * 3}, beside the apples." for i in range(60)]
    with open_memory(tmp_path) as memory:
        memory.remember([Turn("user", text, id=f"m{i}") for i, text in enumerate(topics)])
        memory.flush()
        assert len(memory.pages()) >= 2
        page = memory.pages()[0].id
        layout = memory.inspect(page).layout
        assert layout is not None
        assert layout.grid == SMALL
        first_pictures = pictures(memory, page)
        memory.forget(turn="m5")
        y = layout.rows[5].y
        assert [row.y for row in layout.rows].count(y) == 1
        for rung in LADDER:
            ys, _ = STYLES["sans"].edges(SMALL, rung.side_px)
            image = first_pictures[rung.name]
            assert (image[ys[y] : ys[y + 1]] < 255).any()
            image[ys[y] : ys[y + 1]] = 255
            assert (pictures(memory, page)[rung.name] == image).all()
        assert memory.check() == []

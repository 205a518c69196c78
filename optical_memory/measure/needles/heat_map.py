"""The figure of `eval needles`: how many needles are in the window, by their depth and age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from optical_memory.measure.finding.svg import Drawing
from optical_memory.measure.needles.trials import Trial

__all__ = [
    "heat_map",
]

AGES = (10, 30, 100, 300, 1_000)
"""Ends of the bands of age in turns; the last band has all that are older."""

DEPTHS = 10
"""Bands of depth, the oldest first."""

CELL_WIDTH = 44
CELL_HEIGHT = 26
MARGIN = 64
TOP = 56
BOTTOM = 60

Cells = dict[tuple[int, int], list[bool]]
"""Whether each needle of a cell is in the window, by (band of age, band of depth)."""


def heat_map(trials: Sequence[Trial]) -> str:
    """An SVG with a panel for each wording, of the first method of the trials.

    A cell has the share in percent. Cells without needles stay white.
    """
    panels: dict[str, Cells] = {}
    for trial in trials:
        if trial.method == trials[0].method:
            cells = panels.setdefault(trial.wording, defaultdict(list))
            cells[_age_band(trial.age_turns), _depth_band(trial.depth)].append(trial.in_context)
    panel_width = CELL_WIDTH * (len(AGES) + 1)
    width = MARGIN + max(1, len(panels)) * (panel_width + MARGIN)
    drawing = Drawing(width, TOP + CELL_HEIGHT * DEPTHS + BOTTOM)
    for i, (wording, cells) in enumerate(panels.items()):
        _draw_panel(drawing, wording, cells, MARGIN + i * (panel_width + MARGIN))
    return drawing.text()


def _age_band(age_turns: int) -> int:
    return sum(age_turns >= end for end in AGES)


def _depth_band(depth: float) -> int:
    return min(DEPTHS - 1, int(depth * DEPTHS))


def _draw_panel(drawing: Drawing, wording: str, cells: Cells, x: float) -> None:
    bottom = TOP + CELL_HEIGHT * DEPTHS
    middle = x + CELL_WIDTH * (len(AGES) + 1) / 2
    drawing.words((middle, TOP - 30), f"asked for: {wording}", anchor="middle", size=14)
    drawing.words((middle, TOP - 10), "% of needles in the window", anchor="middle", size=11)
    for band in range(DEPTHS):
        y = TOP + CELL_HEIGHT * (band + 0.65)
        drawing.words((x - 6, y), f"{band / DEPTHS:.1f}", anchor="end", size=11)
    for (age, depth), flags in sorted(cells.items()):
        corner = (x + CELL_WIDTH * age, TOP + CELL_HEIGHT * depth)
        share = sum(flags) / len(flags)
        drawing.box(corner, CELL_WIDTH - 1, CELL_HEIGHT - 1, _colour(share))
        spot = (corner[0] + CELL_WIDTH / 2, corner[1] + CELL_HEIGHT * 0.65)
        ink = "#fff" if share < 0.5 else "#222"
        drawing.words(spot, f"{100 * share:.0f}", anchor="middle", size=11, colour=ink)
    for i, end in enumerate((*AGES, None)):
        label = f"< {end}" if end is not None else f"≥ {AGES[-1]}"
        spot = (x + CELL_WIDTH * (i + 0.5), bottom + 16)
        drawing.words(spot, label, anchor="middle", size=11)
    drawing.words((middle, bottom + 36), "age in turns", anchor="middle")
    drawing.words((x - 6, TOP - 10), "depth", anchor="end", size=11)


def _colour(share: float) -> str:
    """From dark violet for none to yellow for all, as of viridis: print keeps the order."""
    dark = (68, 1, 84)
    middle = (33, 145, 140)
    light = (253, 231, 37)
    first, second = (dark, middle) if share < 0.5 else (middle, light)
    part = 2 * share if share < 0.5 else 2 * share - 1
    mixed = [round(a + part * (b - a)) for a, b in zip(first, second, strict=True)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)

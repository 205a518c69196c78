"""An independent judge: RapidOCR, which nobody here wrote or trained, reads full pages.

    pip install -e '.[judge]'
    python evals/judge.py                                # the prose of the bundled conversation
    python evals/judge.py --pages FILE.jsonl --n 20      # lines with `text`

prints one JSON object: `command`, `judge`, `upscale` and `rows`, a row for each style of pages. The
judge is told what any reader of a page knows: text is upright, and the places of the text columns,
which it gets one after the other. It was trained on larger letters than a page has, so each picture
is enlarged first (bicubic: this adds nothing to the page).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from rapidfuzz.distance import Levenshtein

from optical_memory.loaders import example
from optical_memory.pages import Grid, Page
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.turns import Turn

SIDE_PX = 1024

GRIDS = {"cells": Grid(), "sans": sans_grid(512, 85)}
"""pocket's pages, and those that suit DeepSeek-OCR at Tiny (512 px). Both are drawn at Base, their
first rung.
"""

LEAST_PROSE = 60
"""Characters that a paragraph must have."""

PAPER_PX = 16
"""Blank px put around a text column."""


class Line(NamedTuple):
    """A line that the judge reads: its middle in px of the picture, and its text."""

    x: float
    y: float
    text: str


# ---- pages ---------------------------------------------------------------------------------------


def prose() -> list[str]:
    """The paragraphs in plain English of the bundled conversation.

    They have no tables, calls, code or lists of numbers.
    """
    paragraphs: list[str] = []
    for turn in example().turns:
        paragraphs += [text for text in turn.text.splitlines() if is_prose(text)]
    return paragraphs


def is_prose(text: str) -> bool:
    return len(text) >= LEAST_PROSE and text[0].isalpha() and text.isascii() and "`" not in text


def texts_of(file: Path) -> list[str]:
    """The `text` of each line of a file of JSON lines."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line.strip()]


def full_pages(texts: Sequence[str], grid: Grid, n: int) -> list[Page]:
    """At most `n` full pages, evenly spread over all pages that the texts fill.

    Exits with a message if they fill none.
    """
    turns = [PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts, 1)]
    pages = PageRenderer(grid).paginate(turns)[:-1]
    if not pages:
        raise SystemExit(
            f"{sum(map(len, texts))} characters do not fill a page of {grid}: give more text"
        )
    return [pages[i * len(pages) // n] for i in range(n)] if n < len(pages) else pages


# ---- reading -------------------------------------------------------------------------------------


class Judge:
    """RapidOCR with the weights in its wheel (PP-OCRv6 small); it sees `upscale` times the size."""

    def __init__(self, upscale: float) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise SystemExit(
                "the judge is not installed: pip install 'optical-memory[judge]'"
            ) from error
        self.upscale = upscale
        settings = {
            "Global.use_cls": False,  # all lines are upright; if it may, it turns some upside down
            "Global.text_score": 0.0,  # every line counts, however unsure
            "Global.max_side_len": 8192,  # never smaller than it gets them
            "Det.max_candidates": 4000,
            "Global.log_level": "critical",
        }
        self._engine = RapidOCR(params=settings)

    def lines(self, image: npt.NDArray[np.uint8]) -> list[Line]:
        """The lines that it reads on a (height, width) picture, in no order."""
        height, width = (round(px * self.upscale) for px in image.shape)
        picture = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BICUBIC)
        output = self._engine(np.asarray(picture.convert("RGB")))
        if output.boxes is None:
            return []
        middles = np.asarray(output.boxes).mean(axis=1) / self.upscale  # (n, 2)
        return [
            Line(float(x), float(y), text)
            for (x, y), text in zip(middles, output.txts, strict=True)
        ]


def read_page(judge: Judge, image: npt.NDArray[np.uint8], grid: Grid) -> str:
    """The text of a page: column by column, from top to bottom, in a row from left to right."""
    row_px = len(image) / grid.rows
    texts: list[str] = []
    for column in np.split(image, grid.text_columns, axis=1):
        lines = judge.lines(np.pad(column, PAPER_PX, constant_values=255))
        lines.sort(key=lambda line: ((line.y - PAPER_PX) // row_px, line.x))
        texts += [line.text for line in lines]
    return " ".join(texts)


# ---- rows ----------------------------------------------------------------------------------------


def accuracy(truth: str, text: str) -> float:
    """1 - edit distance / length of the longer text."""
    return Levenshtein.normalized_similarity(truth, text)


def row(
    style: str, texts: Sequence[str], judge: Judge, n: int, side_px: int = SIDE_PX
) -> dict[str, Any]:
    """Accuracy over full pages of a style, with spaces and without.

    A line of the page that ends in a broken word counts as if the word ended there.
    """
    grid = GRIDS[style]
    pages = full_pages(texts, grid, n)
    with_spaces: list[float] = []
    without_spaces: list[float] = []
    for page in pages:
        text = read_page(judge, PageRenderer(grid).draw(page, side_px), grid)
        truth = " ".join(page.lines)
        with_spaces.append(accuracy(" ".join(truth.split()), " ".join(text.split())))
        without_spaces.append(accuracy("".join(truth.split()), "".join(text.split())))
        print(f"{style} {len(with_spaces)}/{len(pages)}: {with_spaces[-1]:.4f}", file=sys.stderr)
    return {
        "style": style,
        "side_px": side_px,
        "density_px2_per_char": round(mean_density(pages, side_px), 1),
        "n_pages": len(pages),
        "accuracy": round(statistics.mean(with_spaces), 4),
        "p5": round(float(np.percentile(with_spaces, 5)), 4),
        "worst": round(min(with_spaces), 4),
        "accuracy_without_spaces": round(statistics.mean(without_spaces), 4),
        "worst_without_spaces": round(min(without_spaces), 4),
    }


def mean_density(pages: Iterable[Page], side_px: int) -> float:
    return statistics.mean(page.density_px2_per_char(side_px) for page in pages)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pages", type=Path, help="JSON lines with `text`, in place of the bundled conversation"
    )
    parser.add_argument(
        "--style", choices=GRIDS, action="append", help="this style only; may be repeated"
    )
    parser.add_argument("--side", type=int, default=SIDE_PX, help="px of the pictures' sides")
    parser.add_argument("--n", type=int, default=10, help="pages of each style, at most")
    parser.add_argument(
        "--upscale",
        type=float,
        default=2.0,
        help="how much larger a picture is made before reading",
    )
    options = parser.parse_args()
    judge = Judge(options.upscale)
    texts = texts_of(options.pages) if options.pages else prose()
    styles = options.style or list(GRIDS)
    rows = [row(style, texts, judge, options.n, options.side) for style in styles]
    head = {
        "command": "evals/judge.py",
        "judge": f"rapidocr {version('rapidocr')}",
        "upscale": options.upscale,
    }
    print(json.dumps(head | {"rows": rows}))


if __name__ == "__main__":
    main()

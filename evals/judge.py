"""An independent judge: RapidOCR, which no one here wrote or trained, reads full pages of both
styles.

    pip install -e '.[judge]'
    python evals/judge.py                                # the prose of the bundled conversation
    python evals/judge.py --pages FILE.jsonl --n 20      # lines with `text`

prints one JSON object: `command`, `judge`, `upscale` and `rows`, one a style. The judge is told
what any reader of a page knows: text is upright, and where the text columns are, which it is given
one by one. It was trained on larger letters than a page has, so each picture is enlarged first
(bicubic: nothing that the page does not determine).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from rapidfuzz.distance import Levenshtein

from optical_memory.loaders.detect import example
from optical_memory.pages import Grid, Page
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.turns import Turn

SIDE_PX = 1024
GRIDS = {"cells": Grid(), "sans": sans_grid(512, 85)}
"""pocket's pages, and those that suit DeepSeek-OCR at Tiny (512 px). Both are drawn at Base, their
first rung.
"""

LEAST_PROSE = 60  # characters of a paragraph


PAPER_PX = 16  # blank px put around a column


class Line(NamedTuple):
    """A line as the judge found it: its middle in px of the picture that it was given, and what it
    says.
    """

    x: float
    y: float
    text: str


# ---- pages ---------------------------------------------------------------------------------------


def prose() -> list[str]:
    """The paragraphs in plain English of the bundled conversation: no tables, calls, code or lists
    of numbers.
    """
    paragraphs = [line for turn in example().turns for line in turn.text.splitlines()]
    long = [text for text in paragraphs if len(text) >= LEAST_PROSE and text[0].isalpha()]
    return [text for text in long if text.isascii() and "`" not in text]


def texts_of(file: Path) -> list[str]:
    """The `text` of each line of a file of JSON lines."""
    return [
        json.loads(line)["text"]
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


def full_pages(texts: Sequence[str], grid: Grid, n: int) -> list[Page]:
    """At most `n` full pages, evenly spread over all that the texts fill. Exits with a message
    where they fill none.
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
    """RapidOCR with the weights in its wheel (PP-OCRv6 small), pictures enlarged `upscale` times."""

    def __init__(self, upscale: float) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise SystemExit(
                "the judge is not installed: pip install 'optical-memory[judge]'"
            ) from error
        self.upscale = upscale
        settings = {
            "Global.use_cls": False,  # all lines are upright; told otherwise, it turns some upside down
            "Global.text_score": 0.0,  # every line counts, however unsure
            "Global.max_side_len": 8192,  # never smaller than given
            "Det.max_candidates": 4000,
            "Global.log_level": "critical",
        }
        self._engine = RapidOCR(params=settings)

    def lines(self, image: npt.NDArray[np.uint8]) -> list[Line]:
        """What it finds on a picture, in no order."""
        height, width = (round(px * self.upscale) for px in image.shape)
        picture = (
            Pillow.fromarray(image)
            .resize((width, height), Pillow.Resampling.BICUBIC)
            .convert("RGB")
        )
        found = self._engine(np.asarray(picture))
        if found.boxes is None:
            return []
        middles = np.asarray(found.boxes).mean(axis=1) / self.upscale  # (n, 2)
        return [
            Line(float(x), float(y), text) for (x, y), text in zip(middles, found.txts, strict=True)
        ]


def read_page(judge: Judge, image: npt.NDArray[np.uint8], grid: Grid) -> str:
    """The text of a page: by text column, from top to bottom, from left to right where lines share
    a row.
    """
    row_px, found = len(image) / grid.rows, []
    for column in np.split(image, grid.text_columns, axis=1):
        lines = judge.lines(np.pad(column, PAPER_PX, constant_values=255))
        found += sorted(lines, key=lambda at: ((at.y - PAPER_PX) // row_px, at.x))
    return " ".join(line.text for line in found)


def accuracy(truth: str, read: str) -> float:
    """1 - edit distance / longer length."""
    return Levenshtein.normalized_similarity(truth, read)


def spaced(text: str) -> str:
    return " ".join(text.split())


def unspaced(text: str) -> str:
    return "".join(text.split())


def row(
    style: str, texts: Sequence[str], judge: Judge, n: int, side_px: int = SIDE_PX
) -> dict[str, Any]:
    """Accuracy over full pages of a style. A line of the page that ends in a broken word counts as
    ending there.
    """
    grid, shares, bare = GRIDS[style], [], []
    pages = full_pages(texts, grid, n)
    for page in pages:
        read = read_page(judge, PageRenderer(grid).draw(page, side_px), grid)
        truth = " ".join(page.lines)
        shares.append(accuracy(spaced(truth), spaced(read)))
        bare.append(accuracy(unspaced(truth), unspaced(read)))
        print(f"{style} {len(shares)}/{len(pages)}: {shares[-1]:.4f}", file=sys.stderr)
    density = statistics.mean(page.density_px2_per_char(side_px) for page in pages)
    return {
        "style": style,
        "side_px": side_px,
        "density_px2_per_char": round(density, 1),
        "n_pages": len(pages),
        "accuracy": round(statistics.mean(shares), 4),
        "p5": round(float(np.percentile(shares, 5)), 4),
        "worst": round(min(shares), 4),
        "accuracy_without_spaces": round(statistics.mean(bare), 4),
        "worst_without_spaces": round(min(bare), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pages", type=Path, help="JSON lines with `text`, in place of the bundled conversation"
    )
    parser.add_argument(
        "--style", choices=GRIDS, action="append", help="one style only; may be given twice"
    )
    parser.add_argument("--side", type=int, default=SIDE_PX, help="px of the pictures' sides")
    parser.add_argument("--n", type=int, default=10, help="pages of each style, at most")
    parser.add_argument(
        "--upscale",
        type=float,
        default=2.0,
        help="how much larger a picture is made before reading",
    )
    given = parser.parse_args()
    judge = Judge(given.upscale)
    texts = texts_of(given.pages) if given.pages else prose()
    rows = [row(style, texts, judge, given.n, given.side) for style in given.style or GRIDS]
    told = {
        "command": "evals/judge.py",
        "judge": f"rapidocr {version('rapidocr')}",
        "upscale": given.upscale,
    }
    print(json.dumps(told | {"rows": rows}))


if __name__ == "__main__":
    main()

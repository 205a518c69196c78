"""Draws what `eval fidelity --json` measured: accuracy over compression, and how far the confidence
is to be trusted.

    python evals/curve.py runs/fidelity.json [more.json ...]

writes `curve.svg` and `reliability.svg` beside this file. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]
Point = tuple[float, float]
"""(text tokens a visual token, share right)."""


class Fox(NamedTuple):
    """One line of DeepSeek-OCR's table: pages of so many text tokens, read at 64 and at 100 visual
    tokens.
    """

    text_tokens: str
    pages: int
    precision_64: float
    ratio_64: float
    precision_100: float
    ratio_100: float


FOX = (
    Fox("600-700", 7, 0.965, 10.5, 0.985, 6.7),
    Fox("700-800", 28, 0.938, 11.8, 0.973, 7.5),
    Fox("800-900", 28, 0.838, 13.2, 0.968, 8.5),
    Fox("900-1000", 14, 0.859, 15.1, 0.968, 9.7),
    Fox("1000-1100", 11, 0.793, 16.5, 0.915, 10.6),
    Fox("1100-1200", 8, 0.764, 17.7, 0.898, 11.3),
    Fox("1200-1300", 4, 0.591, 19.7, 0.871, 12.6),
)
"""DeepSeek-OCR (arXiv 2510.18234), table 2: 100 English pages of the Fox benchmark. Its ratios
count the grid's 64 and 100 tokens; the decoder receives 73 and 111, row ends and separator
included.
"""


def published(counted: int, received: int) -> list[Point]:
    """The table's column for `counted` tokens, its ratios counted again with the tokens that the
    decoder receives.
    """
    pairs = [
        (f.ratio_64, f.precision_64) if counted == 64 else (f.ratio_100, f.precision_100)
        for f in FOX
    ]
    return [(ratio * counted / received, precision) for ratio, precision in pairs]


def read_rows(files: Sequence[Path]) -> list[Row]:
    """The rows of all files. Exits with a message for a file that is no output of `eval fidelity
    --json`.
    """
    rows: list[Row] = []
    for file in files:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found.get("command") != "eval fidelity":
            raise SystemExit(f"{file}: not what `optical-memory eval fidelity --json` prints")
        rows += [row | {"reader": found["reader"].partition("@")[0]} for row in found["rows"]]
    return rows


def by_source(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each source, the least compression first."""
    ordered = sorted(rows, key=lambda row: (row["source"], row["compression"]))
    return {source: list(some) for source, some in groupby(ordered, key=lambda row: row["source"])}


# ---- figures -------------------------------------------------------------------------------------

GREYS = (("64 tokens (Tiny)", 64, 73, "o", "0.35"), ("100 tokens (Small)", 100, 111, "s", "0.6"))


def draw_curve(axes: Axes, rows: Sequence[Row]) -> None:
    """Ours by source, the mean with a whisker down to the 5th percentile; DeepSeek-OCR's, published
    and re-counted.
    """
    for name, counted, received, marker, grey in GREYS:
        axes.plot(
            *zip(*published(counted, counted), strict=True),
            ":",
            color=grey,
            marker=marker,
            mfc="white",
            lw=1,
        )
        label = f"DeepSeek-OCR on Fox, {name}"
        axes.plot(
            *zip(*published(counted, received), strict=True),
            color=grey,
            marker=marker,
            lw=1,
            label=label,
        )
    axes.plot(
        [],
        [],
        ":",
        color="0.5",
        marker="o",
        mfc="white",
        lw=1,
        label="the same as published (64, 100 counted)",
    )
    sources = by_source(rows)
    for source, some in sources.items():
        if source == "all" and len(sources) > 1:
            continue  # the lines below say more
        x, mean, p5 = ([row[name] for row in some] for name in ("compression", "accuracy", "p5"))
        down = [max(0.0, m - low) for m, low in zip(mean, p5, strict=True)]
        pages = ", ".join(str(row["n_pages"]) for row in some)
        label = f"{some[0]['reader']} on our pages: {source}, n = {pages}"
        axes.errorbar(
            x,
            mean,
            yerr=[down, [0.0] * len(down)],
            marker="D",
            ms=4,
            lw=1.6,
            capsize=3,
            label=label,
        )
    axes.set_xlabel("compression: DeepSeek text tokens / tokens the decoder receives")
    axes.set_ylabel("1 − edit distance / length; theirs: “precision”")
    axes.set_xlim(left=0)
    axes.set_ylim(top=1.01)


def draw_reliability(axes: Axes, rows: Sequence[Row]) -> None:
    """Accuracy over mean confidence by bin, with 95 % intervals: most bins of a good reader hold
    few characters.
    """
    axes.plot([0, 1], [0, 1], color="0.7", lw=1, ls="--", label="as often right as it says")
    whole = [row for row in rows if row["source"] == "all"] or rows
    for row in (row for row in whole if row["bins"]):
        _, _, n, confidence, accuracy = zip(*row["bins"], strict=True)
        off = [within(a, count) for a, count in zip(accuracy, n, strict=True)]
        label = f"{row['source']}, {row['rung']}, {row['compression']:.1f}x: ECE {row['ece']:.4f}, n={sum(n):,}"
        axes.errorbar(
            confidence,
            accuracy,
            yerr=list(zip(*off, strict=True)),
            marker="o",
            ms=4,
            lw=1,
            label=label,
        )
    axes.set_xlabel("confidence of a character (mean of its bin)")
    axes.set_ylabel("share of the bin's characters that is right")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(-0.01, 1.01)


def within(share: float, n: int) -> tuple[float, float]:
    """How far the 95 % interval (Wilson's) of a share of `n` reaches below and above it."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, share - middle + half), max(0.0, middle + half - share)


FIGURES = {"curve.svg": draw_curve, "reliability.svg": draw_reliability}


def save(rows: Sequence[Row], folder: Path) -> None:
    """Every figure as SVG, the same bytes for the same rows: no date, ids from a fixed salt, text
    as outlines.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.hashsalt": "optical-memory", "font.size": 9}):
        for name, draw in FIGURES.items():
            figure, axes = pyplot.subplots(figsize=(7.2, 4.6), layout="constrained")
            draw(axes, rows)
            axes.grid(color="0.92")
            axes.legend(fontsize=7.5, loc="lower left" if name == "curve.svg" else "upper left")
            figure.savefig(folder / name, metadata={"Date": None, "Creator": None})
            pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="+", type=Path, help="what `optical-memory eval fidelity --json` printed"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="the folder for the figures"
    )
    given = parser.parse_args()
    save(read_rows(given.files), given.out)


if __name__ == "__main__":
    main()

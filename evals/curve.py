"""Draws the rows of `eval fidelity --json`: accuracy over compression, and how far to trust the
confidence.

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


# ---- DeepSeek-OCR's table ------------------------------------------------------------------------


class Fox(NamedTuple):
    """A line of DeepSeek-OCR's table: pages of so many text tokens, at 64 and at 100 tokens."""

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


class FoxLine(NamedTuple):
    """A column of the table as a line of the figure."""

    name: str
    n_grid: int
    n_decoder: int
    marker: str
    color: str


FOX_LINES = (
    FoxLine("64 tokens (Tiny)", 64, 73, "o", "0.35"),
    FoxLine("100 tokens (Small)", 100, 111, "s", "0.6"),
)


def published(n_grid: int, n_decoder: int) -> list[Point]:
    """The table's column for `n_grid` tokens, with ratios for the tokens that the decoder receives.

    With the same number twice they are the table's own ratios.
    """
    points = [
        (line.ratio_64, line.precision_64) if n_grid == 64 else (line.ratio_100, line.precision_100)
        for line in FOX
    ]
    return [(ratio * n_grid / n_decoder, precision) for ratio, precision in points]


# ---- rows ----------------------------------------------------------------------------------------


def read_rows(files: Sequence[Path]) -> list[Row]:
    """The rows of all files.

    Exits with a message if a file is no output of `eval fidelity --json`.
    """
    rows: list[Row] = []
    for file in files:
        answer = json.loads(file.read_text(encoding="utf-8"))
        if answer.get("command") != "eval fidelity":
            raise SystemExit(f"{file}: not what `optical-memory eval fidelity --json` prints")
        reader = answer["reader"].partition("@")[0]
        rows += [row | {"reader": reader} for row in answer["rows"]]
    return rows


def by_source(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each source, the least compression first."""
    in_order = sorted(rows, key=lambda row: (row["source"], row["compression"]))
    return {source: list(group) for source, group in groupby(in_order, key=lambda r: r["source"])}


# ---- figures -------------------------------------------------------------------------------------


def draw_curve(axes: Axes, rows: Sequence[Row]) -> None:
    """Accuracy over compression: ours by source, DeepSeek-OCR's as published and counted again."""
    for line in FOX_LINES:
        _draw_fox(axes, line)
    label = "the same as published (64, 100 counted)"
    axes.plot([], [], ":", color="0.5", marker="o", mfc="white", lw=1, label=label)
    sources = by_source(rows)
    if len(sources) > 1:
        sources.pop("all", None)  # the lines of the sources say more
    for source, source_rows in sources.items():
        _draw_source(axes, source, source_rows)
    axes.set_xlabel("compression: DeepSeek text tokens / tokens the decoder receives")
    axes.set_ylabel("1 − edit distance / length; theirs: “precision”")
    axes.set_xlim(left=0)
    axes.set_ylim(top=1.01)


def _draw_fox(axes: Axes, line: FoxLine) -> None:
    look: dict[str, Any] = {"color": line.color, "marker": line.marker, "lw": 1}
    ratios, precisions = zip(*published(line.n_grid, line.n_grid), strict=True)
    axes.plot(ratios, precisions, ":", mfc="white", **look)
    ratios, precisions = zip(*published(line.n_grid, line.n_decoder), strict=True)
    axes.plot(ratios, precisions, label=f"DeepSeek-OCR on Fox, {line.name}", **look)


def _draw_source(axes: Axes, source: str, rows: Sequence[Row]) -> None:
    """The means of a source, each with a whisker down to the 5th percentile."""
    means = [row["accuracy"] for row in rows]
    whiskers = [max(0.0, row["accuracy"] - row["p5"]) for row in rows]
    pages = ", ".join(str(row["n_pages"]) for row in rows)
    axes.errorbar(
        [row["compression"] for row in rows],
        means,
        yerr=[whiskers, [0.0] * len(rows)],
        marker="D",
        ms=4,
        lw=1.6,
        capsize=3,
        label=f"{rows[0]['reader']} on our pages: {source}, n = {pages}",
    )


def draw_reliability(axes: Axes, rows: Sequence[Row]) -> None:
    """Accuracy over mean confidence by bin, with 95 % intervals.

    Most bins of a good reader hold few characters.
    """
    axes.plot([0, 1], [0, 1], color="0.7", lw=1, ls="--", label="as often right as it says")
    whole = [row for row in rows if row["source"] == "all"] or rows
    for row in whole:
        if row["bins"]:
            _draw_bins(axes, row)
    axes.set_xlabel("confidence of a character (mean of its bin)")
    axes.set_ylabel("share of the bin's characters that is right")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(-0.01, 1.01)


def _draw_bins(axes: Axes, row: Row) -> None:
    _, _, counts, confidences, accuracies = zip(*row["bins"], strict=True)
    intervals = [within(share, n) for share, n in zip(accuracies, counts, strict=True)]
    head = f"{row['source']}, {row['rung']}, {row['compression']:.1f}x"
    axes.errorbar(
        confidences,
        accuracies,
        yerr=list(zip(*intervals, strict=True)),
        marker="o",
        ms=4,
        lw=1,
        label=f"{head}: ECE {row['ece']:.4f}, n={sum(counts):,}",
    )


def within(share: float, n: int) -> tuple[float, float]:
    """How far the 95 % interval (Wilson's) of a share of `n` reaches below and above the share."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, share - middle + half), max(0.0, middle + half - share)


FIGURES = {"curve.svg": draw_curve, "reliability.svg": draw_reliability}


def save(rows: Sequence[Row], folder: Path) -> None:
    """Every figure as SVG, the same bytes for the same rows.

    So there is no date in it, ids come from a fixed salt, and text is outlines.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    with plt.rc_context({"svg.hashsalt": "optical-memory", "font.size": 9}):
        for name, draw in FIGURES.items():
            figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
            draw(axes, rows)
            axes.grid(color="0.92")
            axes.legend(fontsize=7.5, loc="lower left" if name == "curve.svg" else "upper left")
            figure.savefig(folder / name, metadata={"Date": None, "Creator": None})
            plt.close(figure)


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
    options = parser.parse_args()
    save(read_rows(options.files), options.out)


if __name__ == "__main__":
    main()

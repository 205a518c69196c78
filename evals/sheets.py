"""What sheets save: history drawn for a host, beside the same history as its text.

    python evals/sheets.py --locomo FILE --taubench FILE --specstory FOLDER [--ocr] [--png FOLDER]

prints one JSON object: `command` and `rows`, a row for each source, host and density. `ratio` is
the text over the price of the sheets with the text beside them, in our own (DeepSeek) tokens;
`host_ratio` is the same in tokens of the host. With `--ocr`, RapidOCR reads a part of each first
sheet of LoCoMo (`accuracy`: 1 - edit distance / length, spaces as they are).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from judge import PAPER_PX, Judge, accuracy

from optical_memory.counting import LineCounter
from optical_memory.hosts import Density, HostProfile, host_named
from optical_memory.loaders import load
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.recall.window.frame import sheets_of
from optical_memory.recall.window.messages import window_texts
from optical_memory.recall.window.parts import PassagePart
from optical_memory.recall.window.sheet_window import draw_parts
from optical_memory.sheets.draw import draw_rows, row_tops
from optical_memory.sheets.sheet import Sheet
from optical_memory.spans import Span
from optical_memory.turns import Turn, body

HOSTS = ("claude-5", "claude-4", "gemini-3.6-flash", "gpt-6")

MAX_CHARS = 120_000
"""Of each source."""

TURNS = 8
"""Turns of a passage."""

OCR_ROWS = 24
"""Rows that RapidOCR reads of a sheet: a whole one takes it minutes."""


def passages(turns: Sequence[Turn]) -> list[PassagePart]:
    """A passage for each `TURNS` turns, as if they were recalled word for word."""
    parts: list[PassagePart] = []
    n_chars = 0
    for first in range(0, len(turns), TURNS):
        if n_chars > MAX_CHARS:
            break
        text = ""
        pieces: list[PassageTurn] = []
        for i, turn in enumerate(turns[first : first + TURNS], first):
            start = len(text)
            text += f"{body(turn).strip()}\n"
            end = len(text) - 1
            pieces.append(PassageTurn(f"t{i}", turn.role, start, end, turn.name, turn.when))
        n_chars += len(text)
        spans = (Span(0, len(text), "original", 1.0),)
        ids = tuple(piece.id for piece in pieces)
        passage = Recollection(f"p{first}", text, spans, None, 1.0, 1, ids, first, tuple(pieces))
        parts.append(PassagePart(passage, passage.marked(), 0))
    return parts


def row(source: str, parts: Sequence[PassagePart], host: HostProfile, px2: float) -> dict[str, Any]:
    """What the passages cost as text and on sheets of one density."""
    counter = LineCounter()
    n_text = counter.count(window_texts(parts, []))
    sheet_parts = draw_parts(parts, at_density(host, px2), newest=0)
    n_beside = counter.count(window_texts(sheet_parts, []))
    sheets = sheets_of(sheet_parts)
    price = sum(sheet.n_tokens for sheet in sheets)
    n_px = sum(sheet.width_px * sheet.height_px for sheet in sheets)
    return {
        "source": source,
        "host": host.name,
        "density_px2": px2,
        "n_text_tokens": n_text,
        "n_beside_tokens": n_beside,
        "n_sheets": len(sheets),
        "price": price,
        "px2_per_char": round(n_px / sum(len(part.text) for part in parts), 1),
        "fill": round(min(sheet.fill for sheet in sheets), 3),
        "kilobytes": round(sum(len(sheet.png) for sheet in sheets) / 1000),
        "ratio": round(n_text / (price + n_beside), 2),
        "host_ratio": round(host.text_tokens(n_text) / (price + host.text_tokens(n_beside)), 2),
    }


def at_density(host: HostProfile, px2: float) -> HostProfile:
    """The host as if it read this density and no other."""
    return replace(host, densities=(Density(0, px2),), receipts=())


def read_by_ocr(sheet: Sheet, n_rows: int = OCR_ROWS, upscale: float = 2.5) -> float:
    """How well RapidOCR reads the first rows of a sheet."""
    rows = sheet.rows[:n_rows]
    tops = row_tops(rows)
    picture = draw_rows(rows, sheet.width_px, tops[-1] + PAPER_PX)
    middles = np.add(tops[:-1], tops[1:]) / 2 + PAPER_PX
    lines = Judge(upscale).lines(np.pad(picture, PAPER_PX, constant_values=255))
    by_row = [(int(np.argmin(abs(middles - line.y))), line.x, line.text) for line in lines]
    text = " ".join(line for *_, line in sorted(by_row))
    truth = " ".join(row.text for row in rows)
    return accuracy(" ".join(truth.split()), " ".join(text.split()))


def turns_of(file: Path) -> list[Turn]:
    """The turns of all conversations of a file."""
    turns: list[Turn] = []
    for conversation in load(file):
        turns += conversation.turns
    return turns


def sources(options: argparse.Namespace) -> dict[str, list[PassagePart]]:
    """The passages of each source that was named."""
    files = {"LoCoMo": options.locomo, "tau-bench": options.taubench}
    by_source: dict[str, list[PassagePart]] = {}
    for name, file in files.items():
        if file is not None:
            turns = turns_of(file)
            by_source[name] = passages([turn for turn in turns if turn.role != "system"])
    if options.specstory is not None:
        turns = []
        for file in sorted(options.specstory.glob("*.md")):
            turns += turns_of(file)
        by_source["SpecStory"] = passages(turns)
    return by_source


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--locomo", type=Path)
    parser.add_argument("--taubench", type=Path)
    parser.add_argument("--specstory", type=Path)
    parser.add_argument("--ocr", action="store_true", help="let RapidOCR read LoCoMo's sheets")
    parser.add_argument("--png", type=Path, help="write the first sheet of each row into a folder")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for source, parts in sources(options).items():
        for name in HOSTS:
            host = host_named(name)
            for density in host.densities:
                rows.append(row(source, parts, host, density.px2))
                few_parts = draw_parts(parts[:40], at_density(host, density.px2), newest=0)
                sheet = sheets_of(few_parts)[0]
                if options.png is not None:
                    file = options.png / f"{source}-{name}-{density.px2:.0f}.png"
                    file.write_bytes(sheet.png)
                if options.ocr and source == "LoCoMo" and name in ("claude-5", "gpt-6"):
                    rows[-1]["accuracy"] = round(read_by_ocr(sheet), 4)
    print(json.dumps({"command": "evals/sheets.py", "rows": rows}))


if __name__ == "__main__":
    main()

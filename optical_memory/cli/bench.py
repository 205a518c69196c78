"""The command `bench`: the speed of each step beside a baseline."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.cli.output import Run, reader_name, table
from optical_memory.cli.progress import progress_bars
from optical_memory.measure.bench.benches import BENCHES, BenchName
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.readers import open_reader
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.session.background import Progress
from optical_memory.stores.watchdog import temporary_folder

__all__ = [
    "bench",
    "cells",
]

SMALL = 10

BENCH_HEADINGS = ["name", "baseline", "ours", "baseline's", "ratio", "unit"]


def bench(
    only: Annotated[BenchName | None, typer.Option(help="Just this one.")] = None,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Speed of each step beside a plain baseline."""
    page_reader = open_reader(reader)
    if not isinstance(page_reader, PocketReader):
        raise typer.BadParameter("only pocket can be benched", param_hint="--reader")
    run = Run("bench", as_json, reader_name(page_reader))
    names: list[BenchName] = list(BENCHES) if only is None else [only]
    with temporary_folder("optical-bench-") as folder, progress_bars(as_json) as progress:
        rows = _rows(BenchInputs(page_reader, folder), names, progress)
    lines = [cells(row) for row in rows]
    run.finish(
        lambda out: out.print(table("ratio > 1: ours is better", BENCH_HEADINGS, lines, n_words=2)),
        [asdict(row) for row in rows],
    )


def _rows(inputs: BenchInputs, names: list[BenchName], progress: Progress) -> list[BenchRow]:
    rows: list[BenchRow] = []
    for n_done, name in enumerate(names):
        progress("Timing", n_done, len(names))
        rows += BENCHES[name](inputs)
    inputs.close()
    return rows


def cells(row: BenchRow) -> list[str]:
    """The row as the table shows it."""
    numbers = [_number(row.ours), _number(row.baseline), f"{row.ratio:.2f}"]
    return [row.name, row.baseline_name, *numbers, row.unit]


def _number(value: float) -> str:
    """The value with a digit after the point, a small value with two."""
    return f"{value:.1f}" if value >= SMALL else f"{value:.2f}"

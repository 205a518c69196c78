"""Every fault at every step of every operation, and random lives: `make test-faults` runs it.

Prints a row for each operation and store, then what was wrong. Exits with 1 if anything was.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.faults.campaign import random_runs
from support.faults.lives import prepare_all
from support.faults.operations import OPERATIONS
from support.faults.places import PLACES, Place
from support.faults.runs import Run, runs_of
from support.faults.seams import seams_of
from support.faults.told import Told

from optical_memory.session.corrections.tombstones import KEY_VARIABLE

N_RANDOM = 1000
"""Random lives on each store."""

N_SHOWN = 40
"""Problems that are printed in full."""


def enumerated(
    place: Place, lives: dict[str, Told], operations: Sequence[str], seams: Sequence[str]
) -> Iterator[Run]:
    """A run for every step of the operations whose names begin so, for each of these faults."""
    for operation in OPERATIONS:
        if not operation.name.startswith(tuple(operations)):
            continue
        for seam in seams_of(place):
            if seam.name.startswith(tuple(seams)) and seam.name not in operation.skips:
                yield from runs_of(place, lives, operation, seam)


class Table:
    """Counts runs by operation and store."""

    def __init__(self) -> None:
        self.problems: Counter[str] = Counter()
        self.n_runs = 0
        self._seconds = time.monotonic()
        self._row = ("", "")
        self._runs: list[Run] = []
        print(f"{'operation':32} {'store':7} {'faults':>7} {'runs':>6} {'failed':>7} {'s':>6}")

    def add(self, run: Run) -> None:
        if (run.operation, run.store) != self._row:
            self.end_row()
            self._row = (run.operation, run.store)
        self._runs.append(run)
        self.n_runs += 1
        for problem in run.problems:
            self.problems[f"{run.operation}, {run.store}, {run.seam} {run.number}: {problem}"] += 1

    def end_row(self) -> None:
        if not self._runs:
            return
        n_faults = len({run.seam for run in self._runs})
        n_failed = sum(bool(run.problems) for run in self._runs)
        seconds = time.monotonic() - self._seconds
        operation, store = self._row
        n_runs = len(self._runs)
        print(
            f"{operation:32} {store:7} {n_faults:7} {n_runs:6} {n_failed:7} {seconds:6.0f}",
            flush=True,
        )
        self._runs = []
        self._seconds = time.monotonic()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=[*PLACES, "both"], default="both")
    parser.add_argument("--operation", action="append", help="the beginning of a name")
    parser.add_argument("--fault", action="append", help="the beginning of a name")
    parser.add_argument("--random", type=int, default=N_RANDOM, help="random lives on each store")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # faults are told there, thousands of times
    os.environ.setdefault(KEY_VARIABLE, "the key of these runs")
    table = Table()
    for name in PLACES if options.store == "both" else [options.store]:
        with PLACES[name]() as place:
            lives = prepare_all(place)
            names = options.operation or [""]
            for run in enumerated(place, lives, names, options.fault or [""]):
                table.add(run)
            for run in random_runs(place, options.random, options.seed):
                table.add(run)
            table.end_row()
    print(f"{table.n_runs} runs, {sum(table.problems.values())} problems")
    for problem, n in list(table.problems.items())[:N_SHOWN]:
        print(f"{n} x {problem}")
    return int(bool(table.problems))


if __name__ == "__main__":
    sys.exit(main())

"""Every fault at every step of every operation, random lives, and lives of two processes.

`make test-faults` runs it.

Prints a row for each operation and store, then what was wrong. Exits with 1 if anything was.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from support.faults.campaign import random_runs
from support.faults.lives import prepare_all
from support.faults.operations import OPERATIONS
from support.faults.places import PLACES, Place
from support.faults.runs import Run, runs_of
from support.faults.seams import seams_of
from support.faults.together import runs_together
from support.faults.told import Told

from optical_memory.session.corrections.tombstones import KEY_VARIABLE

N_RANDOM = 1000
"""Random lives on each store."""

N_TOGETHER = 40
"""Lives of two processes on each store."""

LIVES_A_TASK = 100


@dataclass(frozen=True)
class Task:
    """The runs of an operation on a store, or lives from `seed` on: of a process, or of two."""

    store: str
    operation: str
    faults: tuple[str, ...] = ("",)
    n_lives: int = 0
    n_together: int = 0
    seed: int = 0


_places: dict[str, tuple[Place, dict[str, Told]]] = {}  # those of this process
_stack = ExitStack()


def _place(store: str) -> tuple[Place, dict[str, Told]]:
    """The place of this process, with all lives written."""
    if store not in _places:
        logging.disable(logging.CRITICAL)  # faults are told there, thousands of times
        place = _stack.enter_context(PLACES[store]())
        Finalize(None, _stack.close, exitpriority=1)  # stops the servers of this process
        _places[store] = (place, prepare_all(place))
    return _places[store]


def work(task: Task) -> tuple[Task, list[Run], float]:
    """Do a task; gives its runs and how long it took (seconds)."""
    place, lives = _place(task.store)
    start = time.monotonic()
    runs: list[Run] = []
    try:
        runs.extend(_runs(task, place, lives))
    except Exception as error:  # noqa: BLE001  the other tasks go on, and the table says so
        problem = f"the runs ended: {type(error).__name__}: {error}"
        runs.append(Run(task.operation, place.name, "", 0, False, [problem]))
    return task, runs, time.monotonic() - start


def _runs(task: Task, place: Place, lives: dict[str, Told]) -> Iterator[Run]:
    if task.n_lives:
        yield from random_runs(place, task.n_lives, task.seed)
        return
    if task.n_together:
        yield from runs_together(place, task.n_together, task.seed)
        return
    operation = next(o for o in OPERATIONS if o.name == task.operation)
    for seam in seams_of(place):
        if seam.name.startswith(task.faults) and seam.name not in operation.skips:
            yield from runs_of(place, lives, operation, seam)


def tasks_of(options: argparse.Namespace) -> list[Task]:
    """The tasks, both stores by turns."""
    names = tuple(options.operation or [""])
    faults = tuple(options.fault or [""])
    stores = list(PLACES) if options.store == "both" else [options.store]
    tasks: list[Task] = []
    for operation in OPERATIONS:
        if operation.name.startswith(names):
            tasks += [Task(store, operation.name, faults) for store in stores]
    for first in range(0, options.random, LIVES_A_TASK):
        n_lives = min(LIVES_A_TASK, options.random - first)
        seed = options.seed + first
        tasks += [Task(s, "random lives", n_lives=n_lives, seed=seed) for s in stores]
    if options.together:
        lives = {"n_together": options.together, "seed": options.seed}
        tasks += [Task(store, "lives together", **lives) for store in stores]
    return tasks


def print_row(task: Task, runs: list[Run], seconds: float) -> None:
    n_faults = len({run.seam for run in runs})
    n_failed = sum(bool(run.problems) for run in runs)
    counts = f"{n_faults:7} {len(runs):6} {n_failed:7} {seconds:6.0f}"
    print(f"{task.operation:32} {task.store:7} {counts}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=[*PLACES, "both"], default="both")
    parser.add_argument("--operation", action="append", help="the beginning of a name")
    parser.add_argument("--fault", action="append", help="the beginning of a name")
    parser.add_argument("--random", type=int, default=N_RANDOM, help="random lives on each store")
    parser.add_argument(
        "--together", type=int, default=N_TOGETHER, help="lives of two processes on each store"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    os.environ.setdefault(KEY_VARIABLE, "the key of these runs")
    n_problems: Counter[str] = Counter()
    n_runs = 0
    print(f"{'operation':32} {'store':7} {'faults':>7} {'runs':>6} {'failed':>7} {'s':>6}")
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for task, runs, seconds in pool.imap_unordered(work, tasks_of(options)):
            print_row(task, runs, seconds)
            n_runs += len(runs)
            for run in runs:
                place = f"{run.operation}, {run.store}, {run.seam}, point {run.number}"
                for problem in run.problems:
                    print(f"  {place}: {problem}", flush=True)
                n_problems[task.store] += len(run.problems)
        pool.close()
        pool.join()
    print(f"{n_runs} runs, {n_problems.total()} problems")
    return int(bool(n_problems.total()))


if __name__ == "__main__":
    sys.exit(main())

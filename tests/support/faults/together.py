"""Lives of two real processes on a session, with two readers, each killed now and then."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from support.faults.checker import left_behind, problems_of
from support.faults.lives import open_memory
from support.faults.places import Place
from support.faults.readings import wrong_readings
from support.faults.runs import Run
from support.faults.told import Told
from support.faults.worker import N_PROCESSES, N_STEPS, steps

__all__ = ["runs_together"]

TESTS = Path(__file__).parents[2]
LONGEST = 120
"""Seconds that a process may take for its steps, however busy the machine is."""


def runs_together(place: Place, n_lives: int, seed: int) -> Iterator[Run]:
    """So many lives of two processes, each a run."""
    for i in range(seed, seed + n_lives):
        place.begin("")
        workers = [_Worker(place.url, who, i) for who in range(N_PROCESSES)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        problems = [problem for worker in workers for problem in worker.problems]
        yield Run("life together", place.name, "signal 9", i, True, problems or _end(place, i))


class _Worker(threading.Thread):
    """Lets a process do its steps, and kills it at random; then another goes on for it."""

    def __init__(self, url: str, who: int, seed: int) -> None:
        super().__init__()
        self.problems: list[str] = []
        self._arguments = [url, str(who), str(seed)]
        self._chance = random.Random(f"kills {seed} {who}")

    def run(self) -> None:
        first = 0
        while first < N_STEPS and not self.problems:
            first = self._live(first)

    def _live(self, first: int) -> int:
        """The step to go on with after the process has ended by itself, or was killed."""
        command = [sys.executable, "-m", "support.faults.worker", *self._arguments, str(first)]
        paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            last = first + self._chance.randint(2, N_STEPS)  # killed some time after this step
            end = threading.Timer(LONGEST, process.kill)
            end.start()
            for line in process.stdout:
                first = int(line) + 1
                if first == last:
                    time.sleep(self._chance.uniform(0, 0.1))
                    process.send_signal(signal.SIGKILL)
            end.cancel()
            words = process.stderr.read().strip()
            code = process.wait()
        if code not in (0, -signal.SIGKILL) or (code and first < last):
            self.problems.append(f"step {first} of process {self._arguments[1]}: {words[-600:]}")
        return first


def _end(place: Place, seed: int) -> list[str]:
    """Everything that is wrong when both processes have done their steps."""
    told = Told()
    for who in range(N_PROCESSES):
        for step in steps(who, seed):
            told = step.after(told)
    store = place.store()
    memory = open_memory(store, capacity=10**6)
    memory.flush()
    problems = [f"check says {problem}" for problem in memory.check()]
    problems += wrong_readings(memory, place.raw(is_in_use=True), told)
    memory.close()
    store.close()
    raw = place.raw()
    return problems + problems_of(raw, told) + left_behind(raw, told)

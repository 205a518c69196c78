"""Runs cases in processes of their own, which may neither hang nor grow, and keeps those that fail.

A case is known by the seed and its number alone. A failing case is a file: a line of JSON that
says where it comes from, then the case's bytes. `replay` runs it again.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import resource
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from support.fuzzer.target import REFUSALS, Target

__all__ = [
    "Campaign",
    "replay",
]

MAX_SECONDS = 5.0
"""CPU time of a case: other work on the machine does not count."""

MAX_WAIT_SECONDS = 60.0
"""A process whose case takes longer by the clock waits for something, or hears no alarm."""

MAX_BYTES = 1 << 30
"""Of a process, while a case runs: resident, and allocated beyond what it had at its start."""

_SLOT = struct.Struct("=qd")  # the number of a case, and when it began


class _HangError(BaseException):
    """No `Exception`: nothing may catch it on the way."""


def problem_of(target: Target, case: bytes) -> str | None:
    """How a case fails; None if it is taken or refused as it must be."""
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    try:
        target.check(case)
    except REFUSALS:
        return None
    except _HangError:
        return f"hangs: more than {MAX_SECONDS} seconds\n{traceback.format_exc()}"
    except BaseException:  # noqa: BLE001 (any other error is what is looked for)
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def _hang(_signal: int, _frame: object) -> None:
    raise _HangError


@dataclass(frozen=True)
class Campaign:
    """`n` cases of these targets from a seed; failing cases become files in `folder`."""

    targets: Sequence[Target]
    n: int
    seed: int
    folder: Path

    def case(self, i: int) -> tuple[Target, bytes]:
        """The target and the bytes of case number `i`."""
        rng = Random(f"{self.seed}/{i}")
        weights = [target.weight for target in self.targets]
        target = rng.choices(self.targets, weights)[0]
        return target, target.make(rng)

    def run(self, jobs: int, tell: Callable[[str], None]) -> Counter[str]:
        """Run all cases in `jobs` processes; the number of cases and of failures by target."""
        self.folder.mkdir(parents=True, exist_ok=True)
        workers = [_Worker(self, first, jobs) for first in range(jobs)]
        next_line = time.monotonic() + 60
        while sum(worker.is_busy() for worker in workers):
            time.sleep(0.05)
            if time.monotonic() > next_line:
                tell(f"{sum(w.n_done() for w in workers):,} cases, {self.n_failures()} failures")
                next_line += 60
        return sum((worker.counts() for worker in workers), Counter[str]())

    def n_failures(self) -> int:
        """Files of failing cases."""
        return len(list(self.folder.glob("*.case")))

    def keep(self, i: int, problem: str) -> None:
        """Write a failing case to a file."""
        target, case = self.case(i)
        head = {"target": target.name, "seed": self.seed, "case": i, "problem": problem}
        file = self.folder / f"{target.name}-{self.seed}-{i}.case"
        file.write_bytes(json.dumps(head).encode() + b"\n" + case)
        print(f"FAILED {file}\n{problem}", file=sys.stderr, flush=True)


def _most_bytes() -> int:
    """The most memory that this process had at any time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class _Worker:
    """A process that runs the cases `first`, `first + step`, …; it is started again if it dies."""

    def __init__(self, campaign: Campaign, first: int, step: int) -> None:
        self._campaign = campaign
        self._first = first
        self._step = step
        self._slot = mmap.mmap(-1, _SLOT.size)
        self._counts = mmap.mmap(-1, 8 * len(campaign.targets))
        self._pid = 0
        self._next = first
        self._start()

    def _start(self) -> None:
        self._slot[:] = _SLOT.pack(self._next, time.monotonic())
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._run()
            finally:
                os._exit(1)

    def _run(self) -> None:
        """In the child: it ends with 0 after its last case, with 3 after a case that grew."""
        logging.disable(logging.CRITICAL)
        signal.signal(signal.SIGPROF, _hang)
        n_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes + MAX_BYTES, n_bytes + MAX_BYTES))
        n_before = _most_bytes()  # a test's process may have more than a case may take
        limit = MAX_BYTES if n_before < MAX_BYTES else n_before + MAX_BYTES
        names = [target.name for target in self._campaign.targets]
        for i in range(self._next, self._campaign.n, self._step):
            self._slot[:] = _SLOT.pack(i, time.monotonic())
            target, case = self._campaign.case(i)
            problem = problem_of(target, case)
            is_large = _most_bytes() > limit
            if is_large:
                problem = problem or f"more than {MAX_BYTES} bytes of memory"
            if problem is not None:
                self._campaign.keep(i, problem)
            self._count(names.index(target.name))
            if is_large:
                os._exit(3)
        os._exit(0)

    def _count(self, number: int) -> None:
        place = slice(8 * number, 8 * number + 8)
        n = int.from_bytes(self._counts[place], "little") + 1
        self._counts[place] = n.to_bytes(8, "little")

    def is_busy(self) -> bool:
        """True until the last case is done. A process that hangs or died is replaced."""
        if not self._pid:
            return False
        i, start = _SLOT.unpack(self._slot[:])
        if time.monotonic() - start > MAX_WAIT_SECONDS:
            os.kill(self._pid, signal.SIGKILL)
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return True
        self._pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return False
        if code != 3:
            self._campaign.keep(i, f"the process ended with {code}: it hung or crashed")
        self._next = i + self._step
        if self._next < self._campaign.n:
            self._start()
        return bool(self._pid)

    def n_done(self) -> int:
        """Cases that are done."""
        return self.counts().total()

    def counts(self) -> Counter[str]:
        """Cases that are done, by target."""
        numbers = struct.unpack(f"={len(self._campaign.targets)}q", self._counts[:])
        names = (target.name for target in self._campaign.targets)
        return Counter(dict(zip(names, numbers, strict=True)))


def replay(file: Path, targets: Sequence[Target]) -> str | None:
    """Run a failing case again, in this process; how it fails, None if it does not any more."""
    line, _, case = file.read_bytes().partition(b"\n")
    name = json.loads(line)["target"]
    target = next(target for target in targets if target.name == name)
    signal.signal(signal.SIGPROF, _hang)
    return problem_of(target, case)

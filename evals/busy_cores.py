"""How long certifying takes on a machine whose cores are busy, with threads that sleep while they
wait and with threads that spin.

    python evals/busy_cores.py                      # two cores; quiet, then beside two busy loops
    python evals/busy_cores.py --loops 0,1,2,3 --pages 8 --runs 5

Linux only. Each run is a process of its own, held with the busy loops to the same cores: it sees
full pages at every rung of pocket and certifies them. `passive` is the way of the package
(`optical_memory.readers.threads`), `spinning` is the way of GNU's OpenMP by default. Of `--runs`
runs, the table shows the one in which other processes used the least of the cores; `others` is
their share of it. The last column compares seconds with those of the first number of loops.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from optical_memory.pages import Page
from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.threads import SPIN_TIMES, WAIT_POLICY
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.turns import Turn

POLICIES = {
    "passive": {},
    "spinning": {"GOMP_SPINCOUNT": "300000"},  # 3 ms, the default of GNU's OpenMP
}
BUSY_LOOP = "while True: pass"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("--cores", type=int, default=2, help="cores to be held to")
cli.add_argument("--loops", default="0,2", help="numbers of busy loops, comma-separated")
cli.add_argument("--pages", type=int, default=4, help="pages to certify in a run")
cli.add_argument("--runs", type=int, default=3, help="runs of each kind")
cli.add_argument("--threads", default="passive,spinning", help="comma-separated")
cli.add_argument("--certify", metavar="PIDS", help=argparse.SUPPRESS)  # the process of one run


@dataclass(frozen=True)
class Run:
    """Seconds of one run by the clock, and CPU seconds of everyone on its cores meanwhile."""

    wall: float
    own_cpu: float
    loops_cpu: float
    cores_cpu: float

    @property
    def others(self) -> float:
        """The share of the cores' work that was neither the run's nor the loops'."""
        return max(0.0, 1 - (self.own_cpu + self.loops_cpu) / self.cores_cpu)


# ---- one run, in a process of its own ------------------------------------------------------------


def full_pages(n_pages: int) -> list[Page]:
    text = "The harbour office opened at seven, and by then the ferry had left twice. "
    turns = [PlacedTurn(Turn("user", f"{i}. {text * 8}"), f"t{i}", i) for i in range(14 * n_pages)]
    return PageRenderer().paginate(turns)[:n_pages]


def certify(reader: PocketReader, pages: Sequence[Page]) -> None:
    """See and read every page at every rung, as a memory does when it seals them."""
    renderer = PageRenderer()
    for page in pages:
        for rung in reader.profile.ladder:
            tokens = reader.encode([renderer.draw(page, rung.side_px)], rung)
            reader.certify(tokens, [page])


def measure_run(n_pages: int, loop_pids: Sequence[int]) -> Run:
    reader = PocketReader()
    pages = full_pages(n_pages)
    certify(reader, pages[:1])  # loads the weights and the fonts
    start = (time.perf_counter(), time.process_time(), cpu_of(loop_pids), cpu_of_cores())
    certify(reader, pages)
    stop = (time.perf_counter(), time.process_time(), cpu_of(loop_pids), cpu_of_cores())
    return Run(*(later - earlier for later, earlier in zip(stop, start, strict=True)))


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds that some processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system
    return ticks / TICKS_PER_SECOND


def cpu_of_cores() -> float:
    """CPU seconds that all processes have used on the cores of this one."""
    names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name in names:
            user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, times)
            ticks += user + nice + system + irq + softirq
    return ticks / TICKS_PER_SECOND


# ---- all runs ------------------------------------------------------------------------------------


@contextmanager
def busy_loops(n_loops: int) -> Iterator[list[int]]:
    """The pids of so many processes that do nothing but use a core."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(n_loops)]
    try:
        yield [loop.pid for loop in loops]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def start_run(policy: str, n_loops: int, n_pages: int) -> Run:
    chosen_by_user = {*SPIN_TIMES, WAIT_POLICY}
    environment = {name: value for name, value in os.environ.items() if name not in chosen_by_user}
    with busy_loops(n_loops) as pids:
        command = [sys.executable, __file__, "--pages", str(n_pages)]
        command += ["--certify", ",".join(map(str, pids))]
        process = subprocess.run(
            command,
            env=environment | POLICIES[policy],
            stdout=subprocess.PIPE,
            check=True,
        )
    return Run(**json.loads(process.stdout))


def main() -> None:
    args = cli.parse_args()
    if args.certify is not None:
        pids = [int(pid) for pid in args.certify.split(",") if pid]
        print(json.dumps(asdict(measure_run(args.pages, pids))))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])
    print("| threads | busy loops | seconds | CPU seconds | others | times the first |")
    print("|---|--:|--:|--:|--:|--:|")
    for policy in args.threads.split(","):
        first_wall = 0.0
        for n_loops in map(int, args.loops.split(",")):
            runs = [start_run(policy, n_loops, args.pages) for _ in range(args.runs)]
            best = min(runs, key=lambda run: run.others)
            first_wall = first_wall or best.wall
            cells = [f"{best.wall:.1f}", f"{best.own_cpu:.1f}", f"{best.others:.0%}"]
            cells.append(f"{best.wall / first_wall:.2f}")
            print(f"| {policy} | {n_loops} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""Gives odd input to everything that reads what strangers wrote: does it crash, hang or grow?

python tests/fuzz.py --n 1000000 [--seed 0] [--jobs 2] [--target NAME …]     (make fuzz)
python tests/fuzz.py --replay FILE                           runs a failing case again

Prints the failing cases, writes each to a file, and exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support.fuzzer.engine import Campaign, replay
from support.fuzzer.targets import TARGETS

FOLDER = Path("fuzz-failures")
"""The files of failing cases; git ignores it."""


def main() -> int:
    """Fuzz or replay, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other cases")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--target", action="append", help="only these targets")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder of failing cases")
    parser.add_argument("--replay", type=Path, help="a failing case")
    options = parser.parse_args()
    if options.replay:
        problem = replay(options.replay, TARGETS)
        print(problem or "the case does not fail any more")
        return int(problem is not None)
    targets = [t for t in TARGETS if not options.target or t.name in options.target]
    campaign = Campaign(targets, options.n, options.seed, options.out)
    n_before = campaign.n_failures() if options.out.is_dir() else 0
    start = time.monotonic()
    counts = campaign.run(options.jobs, lambda line: print(line, flush=True))
    n_failures = campaign.n_failures() - n_before
    cases = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))
    print(f"seed {options.seed}: {counts.total():,} cases in {time.monotonic() - start:.0f} s")
    print(f"{cases}\n{n_failures} failures")
    return int(n_failures > 0)


if __name__ == "__main__":
    sys.exit(main())

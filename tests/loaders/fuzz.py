"""Spoils sample files in many ways and asks whether `load_file` keeps its promises.

python tests/loaders/fuzz.py --n 100000 [--seed 0] [FILE ...]     (make fuzz-loaders)

Prints files that break a promise, and exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.fuzzing import fuzz
from support.load_samples import REFUSED_SAMPLES, SAMPLES

MAX_PRINTED = 3
"""Files of each sample that are printed."""


def main() -> int:
    """Fuzz, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help="files")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files")
    parser.add_argument("files", nargs="*", type=Path, help="files instead of the samples")
    options = parser.parse_args()
    n_broken: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        paths = options.files or [*SAMPLES, *REFUSED_SAMPLES]
        for broken in fuzz(paths, options.n, options.seed, Path(folder)):
            n_broken[broken.sample] += 1
            if n_broken[broken.sample] <= MAX_PRINTED:
                print(f"---- {broken.sample}\n{broken.content[:2000]!r}\n{broken.promise}")
    print(f"{options.n} files, {n_broken.total()} broken promises {dict(n_broken)}")
    return min(1, n_broken.total())


if __name__ == "__main__":
    sys.exit(main())

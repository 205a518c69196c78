"""Spoils sample files in many ways and asks whether `load_file` keeps its promises.

python tests/loaders/fuzz.py --n 100000 [--seed 0] [FILE ...]     (make fuzz-loaders)

Prints every file that breaks a promise, and exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.load_property import broken_promises
from support.load_samples import SAMPLES
from support.mutations import mutated

__all__ = ["fuzz"]


def fuzz(
    paths: Sequence[Path], n: int, seed: int, folder: Path
) -> Iterator[tuple[Path, bytes, str]]:
    """(sample, mutated content, broken promise) of `n` mutations of the samples in turn."""
    contents = [path.read_bytes() for path in paths]
    for i in range(n):
        sample = paths[i % len(paths)]
        raw = mutated(contents[i % len(paths)], Random(seed * n + i))
        path = folder / sample.name
        path.write_bytes(raw)
        for promise in broken_promises(path):
            yield sample, raw, promise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help="files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("files", nargs="*", type=Path, help="instead of the samples")
    options = parser.parse_args()
    n_broken: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        paths = options.files or SAMPLES
        for sample, raw, promise in fuzz(paths, options.n, options.seed, Path(folder)):
            n_broken[sample.name] += 1
            if n_broken[sample.name] <= 3:
                print(f"---- {sample.name}\n{raw[:2000]!r}\n{promise}")
    print(f"{options.n} files, {n_broken.total()} broken promises {dict(n_broken)}")
    return min(1, n_broken.total())


if __name__ == "__main__":
    sys.exit(main())

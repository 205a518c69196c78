"""The table of `docs/hostile_text.md`: hostile payloads, by kind and surface, that got out.

    python evals/hostile_text.py [--every 2]

Each payload of `tests/hostile/payloads.json` is said by a tool, the user or the assistant, kept
open or sealed on pages, and asked for on each surface. It prints how many left the frame or gained
a role, of how many.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.hostile_payloads import payloads
from support.hostile_surfaces import SURFACES, scene

BATCH = 24
ORIGINS = ("tool", "user", "assistant")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    chosen = payloads()[:: options.every]
    counts = Counter(payload.kind for payload in chosen)
    escaped: Counter[tuple[str, str]] = Counter()
    for number, start in enumerate(range(0, len(chosen), BATCH)):
        batch = chosen[start : start + BATCH]
        origin = ORIGINS[number % len(ORIGINS)]
        with (
            tempfile.TemporaryDirectory() as folder,
            scene(Path(folder), batch, origin, sealed=number % 2 == 1) as stage,
        ):
            for surface, check in SURFACES.items():
                for i, payload in enumerate(batch):
                    problems = check(stage, i)
                    escaped[payload.kind, surface] += bool(problems)
                    if problems:
                        print(payload.id, surface, problems[0], file=sys.stderr)
    print(f"| kind | payloads | {' | '.join(SURFACES)} |")
    print("|---" * (len(SURFACES) + 2) + "|")
    for kind, n in counts.items():
        cells = [str(escaped[kind, surface]) for surface in SURFACES]
        print(f"| {kind.replace('_', ' ')} | {n} | {' | '.join(cells)} |")
    cells = [str(sum(escaped[kind, surface] for kind in counts)) for surface in SURFACES]
    print(f"| all | {len(chosen)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

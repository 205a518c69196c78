"""Runs the campaigns of damage at length: `python tests/session/checking/run.py flips --help`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.damage import flips, hostile

CAMPAIGNS = {"flips": flips.main, "forgeries": hostile.main}

if __name__ == "__main__":
    sys.exit(CAMPAIGNS[sys.argv.pop(1)]())

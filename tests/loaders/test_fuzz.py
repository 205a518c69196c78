"""2,000 spoilt sample files: each is loaded or refused, and nothing is lost without a word.

`make fuzz-loaders` spoils 100,000, and `make fuzz` has them among its cases.
"""

from __future__ import annotations

from pathlib import Path

from support.fuzzing import fuzz
from support.load_samples import REFUSED_SAMPLES, SAMPLES


def test_spoilt_files_are_loaded_or_refused(tmp_path: Path):
    assert list(fuzz([*SAMPLES, *REFUSED_SAMPLES], 2_000, 0, tmp_path)) == []

"""Odd cases by the thousand, and the fuzzer itself: what it must notice, it notices.

`make fuzz` runs a million.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from support.fuzzer import engine
from support.fuzzer.engine import Campaign, replay
from support.fuzzer.target import Target

from optical_memory.errors import InputError

SCRIPT = Path(__file__).parent / "fuzz.py"


@pytest.mark.slow
def test_ten_thousand_odd_cases_crash_nothing(tmp_path: Path):
    command = [sys.executable, str(SCRIPT), "--n", "10000", "--jobs", "1", "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    assert "seed 0: 10,000 cases" in result.stdout


def make_letter(rng: Random) -> bytes:
    return rng.choice([b"a", b"b"])


def crash(case: bytes) -> None:
    if case == b"b":
        raise KeyError(case)


def refuse(case: bytes) -> None:
    raise InputError("no")


def hang(case: bytes) -> None:
    while True:
        pass


def grow(case: bytes) -> None:
    bytearray(2 * engine.MAX_BYTES)


def die(case: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failures(check: object, folder: Path, n: int = 1) -> list[Path]:
    """The files of the cases that fail."""
    target = Target("letters", 1.0, make_letter, check)  # type: ignore[arg-type]
    campaign = Campaign([target], n, 5, folder)
    counts = campaign.run(1, print)
    assert counts.total() == n or check is die
    return sorted(folder.glob("*.case"))


def test_a_case_that_is_refused_is_no_failure(tmp_path: Path):
    assert failures(refuse, tmp_path, 9) == []


def test_a_crash_is_kept_in_a_file_that_can_be_run_again(tmp_path: Path):
    files = failures(crash, tmp_path, 9)
    assert 0 < len(files) < 9
    assert files[0].read_bytes().endswith(b"\nb")
    target = Target("letters", 1.0, make_letter, crash)
    assert "KeyError" in str(replay(files[0], [target]))
    mended = Target("letters", 1.0, make_letter, refuse)
    assert replay(files[0], [mended]) is None


@pytest.mark.parametrize("check", [hang, grow, die])
def test_a_hang_too_much_memory_and_a_dead_process_are_failures(
    check: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine, "MAX_SECONDS", 0.2)
    assert len(failures(check, tmp_path, 2)) == 2

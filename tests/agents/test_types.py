"""Types for users: a program with every door of this package is clean for type checkers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs the extra mcp")

PROGRAM = Path(__file__).with_name("user_program.txt")


def check(command: list[str], folder: Path) -> None:
    (folder / "program.py").write_text(PROGRAM.read_text(encoding="utf-8"), encoding="utf-8")
    process = subprocess.run(
        [*command, "program.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.slow
def test_a_users_program_is_clean_for_mypy(tmp_path: Path):
    cache = f"--cache-dir={tmp_path}"
    check([sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", cache], tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pyright") is None, reason="needs pyright, of make types")
def test_a_users_program_is_clean_for_pyright(tmp_path: Path):
    check(["pyright", f"--pythonpath={sys.executable}"], tmp_path)

"""The scripts in examples/ run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIBRARIES = {
    "with_llama_index.py": "llama_index.core",
    "with_openai_agents.py": "agents.testing",  # from openai-agents 0.20 on
    "with_pydantic_ai.py": "pydantic_ai",
}
"""What an example needs beyond this package and its extra `dev`."""

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs_and_says_something(script: Path, empty_home: Path):
    if script.name in LIBRARIES:
        library = LIBRARIES[script.name]
        pytest.importorskip(library, reason=f"needs {library}", exc_type=ImportError)
    command = [sys.executable, str(script)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout.strip()

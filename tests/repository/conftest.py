"""What is built from a copy of the checkout: the sdist, the wheel, and an environment with it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from support.fresh_environments import install, new_environment, run

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = shutil.ignore_patterns(
    *(".venv", ".venv-vllm", ".git", ".*_cache", ".hypothesis", "__pycache__"),
    *("runs", "build", "dist", "demo-out", "*.egg-info"),
)


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, its symlinks kept."""
    folder = tmp_path_factory.mktemp("source") / "optical-memory"
    shutil.copytree(ROOT, folder, symlinks=True, ignore=OUTPUTS)
    return folder


@pytest.fixture(scope="package")
def dist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, checkout, cwd=folder)
    return folder


@pytest.fixture(scope="package")
def wheel_python(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment in which the wheel is installed."""
    python = new_environment(tmp_path_factory.mktemp("wheel") / "venv")
    install(python, next(dist.glob("*.whl")))
    return python

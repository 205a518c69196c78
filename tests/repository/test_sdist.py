"""The sdist holds the whole repository: whoever unpacks it can run the tests and rebuild it."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.fresh_environments import install, new_environment, run

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {
    ".gitignore",
    # Symlinks here; in the sdist they are folders with the same files.
    "optical_memory/agents",
    "optical_memory/examples",
    "optical_memory/renderers",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sdist(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


def files_in_git() -> set[str]:
    """The files that git keeps and that still exist."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    command = ["git", "-C", ROOT, "ls-files", "-z"]
    paths = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {path for path in paths.split("\0") if path and (ROOT / path).exists()}


def test_the_sdist_holds_every_file_of_the_repository(sdist: Path):
    paths = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    assert files_in_git() - LEFT_OUT - paths == set()


def test_nothing_is_left_out_that_does_not_exist():
    assert LEFT_OUT - files_in_git() == set()


def test_the_rooms_behind_symlinks_are_whole_in_the_sdist(sdist: Path):
    for room in ("agents", "examples", "renderers"):
        modules = {path.name for path in (ROOT / room).glob("*.py")}
        assert modules
        assert {path.name for path in (sdist / room).glob("*.py")} == modules
    inside = {path.name for path in (sdist / "optical_memory" / "renderers").glob("*.py")}
    assert inside == {path.name for path in (ROOT / "renderers").glob("*.py")}


def test_tests_run_in_the_unpacked_sdist(sdist: Path, tmp_path: Path):
    python = new_environment(tmp_path / "venv")
    install(python, "--editable", sdist)
    tests = ["tests/loaders", "tests/repository/test_readme.py", "tests/test_turns.py"]
    output = run(python, "-m", "pytest", "-p", "no:cacheprovider", *tests, cwd=sdist)
    assert " passed" in output.splitlines()[-1]

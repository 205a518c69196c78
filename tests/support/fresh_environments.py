"""New virtual environments that borrow the libraries of this one, but not its optical-memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--python"]
QUIETLY = ["--quiet", "--no-deps", "--no-index", "--force-reinstall", "--no-build-isolation"]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """The output of a command that must succeed."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "OMP_NUM_THREADS": "1", **env}
    words = [str(word) for word in command]
    process = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    return process.stdout


def site_packages(python: Path) -> Path:
    """The folder in which an environment keeps its packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(run(python, "-c", code, cwd=python.parent).strip())


def new_environment(folder: Path) -> Path:
    """The python of a new environment at `folder`, with this environment's libraries on its path.

    `.pth` files of this environment are not followed, so an editable checkout is not seen.
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    names = ("site-packages", "dist-packages")
    libraries = [entry for entry in sys.path if Path(entry).name in names]
    borrow = site_packages(python) / "zz_borrowed.pth"
    borrow.write_text("\n".join(libraries) + "\n", encoding="utf-8")
    return python


def install(python: Path, *arguments: str | Path) -> None:
    """Installs into an environment with the pip of this one; nothing is downloaded."""
    run(*PIP, python, "install", *QUIETLY, *arguments, cwd=python.parent)

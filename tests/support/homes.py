"""A home of a test's own, so that default stores and caches lie in it."""

from __future__ import annotations

from pathlib import Path

import pytest

VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


def move_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder the home and the working directory, for subprocesses too."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    for variable in VARIABLES:
        monkeypatch.setenv(variable, str(folder))

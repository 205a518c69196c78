"""A user at a shell: runs commands of `optical-memory` in this process, on one SQLite file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optical_memory.cli import main


class Shell:
    """Runs commands on the store at the URL `store`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = f"sqlite:///{folder / 'memory.db'}"
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        with pytest.raises(SystemExit) as exit:
            main(words)
        out, err = self._capsys.readouterr()
        return int(exit.value.code or 0), out, err

    def on_store(self, *words: str) -> tuple[int, str, str]:
        """The same for a command that takes a store."""
        return self.run(*words, "--store", self.store)

    def json(self, *words: str) -> dict[str, Any]:
        """The one JSON object that a command prints; the command must not fail."""
        code, out, err = self.on_store(*words, "--json")
        assert (code, err) == (0, "")
        assert out.count("\n") == 1
        answer: dict[str, Any] = json.loads(out)
        return answer

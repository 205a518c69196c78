"""What the tests of the command line share: a shell, a conversation file, a full store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.shell import Shell


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """A shell with an empty store. Its reader is the template reader."""
    for name in ("STORE", "SESSION"):
        monkeypatch.delenv(f"OPTICAL_MEMORY_{name}", raising=False)
    monkeypatch.setenv("OPTICAL_MEMORY_READER", "optical_memory.testing:TemplateReader")
    return Shell(tmp_path, capsys)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A conversation file of 90 messages."""
    messages = [
        {
            "role": "user" if i % 2 else "assistant",
            "id": f"m{i}",
            "content": f"Parcel PX-{700 + i} waits at gate {i}.",
        }
        for i in range(90)
    ]
    file = tmp_path / "log.json"
    file.write_text(json.dumps(messages), encoding="utf-8")
    return str(file)


@pytest.fixture
def full(shell: Shell, log: str) -> Shell:
    """A shell whose store has the session "default" with the 90 messages."""
    shell.json("remember", log, "--keep-turns", "5")
    return shell

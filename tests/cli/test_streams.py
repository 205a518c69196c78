"""Commands whose input is closed, or whose output has few signs, no room, or no folder."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader

SOURCE = "from optical_memory.cli import main; main()"


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/memory.db"
    memory = OpticalMemory("default", store=url, reader=TemplateReader(), background=False)
    with closing(memory):
        memory.remember(Turn("user", "The gate of Ünal has code 4417."))
    return url


def run(words: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, and what a command wrote; `words` are those of a shell."""
    command = f"""'{sys.executable}' -c '{SOURCE}' {words}"""
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        env=os.environ | environment,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_signs_that_the_terminal_does_not_have_are_escaped(url: str) -> None:
    code, out, err = run(f"recall gate --store '{url}'", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert "The gate of \\xdcnal has code 4417." in out


def test_a_closed_input_is_nothing_to_remember(url: str) -> None:
    code, _, err = run(f"remember - --store '{url}' <&-")
    assert (code, err) == (1, "optical-memory: nothing on stdin to remember\n")


def test_an_output_without_room_is_told_in_a_line(url: str) -> None:
    code, _, err = run(f"recall gate --store '{url}' > /dev/full")
    assert code != 0
    assert err.startswith("optical-memory: [Errno 28] No space left on device\n")


def test_a_default_store_without_a_folder_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    code, _, err = run("recall gate", HOME=str(file), XDG_DATA_HOME=str(file))
    assert code == 1
    assert err.startswith("optical-memory: cannot make the folder of the default store: ")
    assert err.count("\n") == 1

"""However a program ends, no process, socket or temporary folder of ours is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import optical_memory

ROOT = Path(optical_memory.__file__).parents[1]

PATIENCE = 5.0
"""Seconds until the watchdog has ended a server and removed its folder; it takes about a tenth."""

SERVER = """
from optical_memory.stores.private_server import private_server
with private_server(HOME) as url:
    import redis
    redis.Redis.from_url(url).set("talk", "gate code 4711")
    END
"""

FOLDER = """
from optical_memory.stores.watchdog import temporary_folder
with temporary_folder("optical-demo-") as folder:
    (folder / "talk").write_text("gate code 4711")
    END
"""

COMPRESS = """
from optical_memory.agents.chat import compress
from optical_memory.testing import TemplateReader
messages = [{"role": "user", "content": f"letter {i}: the gate code is {i}"} for i in range(400)]
compress(messages, budget=300, reader=TemplateReader())
END
"""

PROGRAMS = {"private server": SERVER, "temporary folder": FOLDER, "compress": COMPRESS}

ENDS = {
    "end": "pass",
    "exception": "raise ValueError('the program is wrong')",
    "exit": "sys.exit(3)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGINT": "os.kill(os.getpid(), signal.SIGINT)",
    "SIGHUP": "os.kill(os.getpid(), signal.SIGHUP)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "os._exit": "os._exit(0)",
}


def run(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with a temporary folder of its own."""
    (home / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(ROOT)}
    code = "import os, signal, sys, time\n" + program.replace("HOME", repr(str(home)))
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def processes_of(home: Path) -> list[str]:
    """The command lines of processes that know this folder."""
    names: list[str] = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(home) in words or str(home) in str(process.info["cwd"]):
            names.append(words)
    return names


def files_of(home: Path) -> list[str]:
    """What lies in the temporary folder, but for what torch makes there when it is loaded."""
    names = sorted(path.name for path in (home / "tmp").iterdir())
    return [name for name in names if not name.startswith("torchinductor_")]


def assert_nothing_left(home: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and (processes_of(home) or files_of(home)):
        time.sleep(0.05)
    assert processes_of(home) == []
    assert files_of(home) == []


def cases() -> list[tuple[str, str]]:
    """Each program with each end; `compress` takes a second, so it has the worst ends alone."""
    worst = ("SIGTERM", "SIGKILL", "os._exit")
    return [
        (program, end) for program in PROGRAMS for end in (worst if program == "compress" else ENDS)
    ]


@pytest.mark.parametrize(("program", "end"), cases())
def test_nothing_is_left_however_a_program_ends(program: str, end: str, tmp_path: Path):
    run(PROGRAMS[program].replace("END", ENDS[end]), tmp_path)
    assert_nothing_left(tmp_path)


FORKED = SERVER.replace(
    "END",
    """
    child = os.fork()
    if child == 0:
        sys.exit(0)  # leaves the context, and runs what is to be done at exit
    os.waitpid(child, 0)
    print(redis.Redis.from_url(url).get("talk").decode())
""",
)


def test_a_forked_child_that_ends_leaves_its_parents_server_alone(tmp_path: Path):
    assert run(FORKED, tmp_path).stdout == "gate code 4711\n"
    assert_nothing_left(tmp_path)


# ---- commands ------------------------------------------------------------------------------------

COMMANDS = {
    "demo": ["demo"],
    "remember": ["remember", "talk.json", "--store", "sqlite:///memory.db"],
    "eval": ["eval", "needles", "--haystack", "talk.json", "--n", "4"],
    "mcp": ["mcp", "--store", "sqlite:///memory.db"],
    "mcp http": ["mcp", "--http", "--port", "0", "--store", "sqlite:///memory.db"],
    "hook": ["hook", "--now", "--store", "sqlite:///memory.db"],
}

TALK = json.dumps([{"role": "user", "content": f"letter {i}: berth {i}"} for i in range(2000)])


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """Programs in the background of a shell ignore SIGINT, and so do those that they start."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.slow
@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("command", list(COMMANDS))
def test_nothing_is_left_of_a_command_that_a_signal_ends(
    command: str, number: signal.Signals, tmp_path: Path
):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "talk.json").write_text(TALK)
    home = {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "optical_memory.cli", *COMMANDS[command]],
        cwd=tmp_path,
        env={**os.environ, **home},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(3.0)  # it is at work, or waits for a message
        process.send_signal(number)
        try:
            process.wait(30)
        finally:
            process.kill()
    assert_nothing_left(tmp_path)

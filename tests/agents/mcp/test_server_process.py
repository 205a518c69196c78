"""The MCP server as a process, over stdio and over HTTP, and its entry for the registry."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs the extra mcp")

from mcp import StdioServerParameters
from support.mcp_client import Ask, asked, text

from optical_memory import __version__

ROOT = Path(__file__).resolve().parents[3]


def command(*options: str, url: str) -> list[str]:
    """The command line of a server over a store."""
    return ["-m", "optical_memory.cli", "mcp", "--store", url, "--session", "alice", *options]


async def remember_and_recall(ask: Ask) -> tuple[str, str, int]:
    remembered = text(await ask("remember", content="The gate code is 4417#."))
    recalled = text(await ask("recall", query="gate code"))
    counts = (await ask("stats")).structured_content
    return remembered, recalled, counts["turns"]


@pytest.mark.slow
def test_over_stdio_a_real_process_answers_and_a_second_one_remembers(file_url: str):
    server = StdioServerParameters(command=sys.executable, args=command(url=file_url))
    remembered, recalled, n_turns = asked(server, remember_and_recall)
    assert (remembered, n_turns) == ("Remembered as turn t0.", 1)
    assert "user: The gate code is 4417#." in recalled
    again = asked(server, lambda ask: ask("recall", query="gate code"))
    assert "4417#" in text(again)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def http_url(file_url: str) -> Iterator[str]:
    """The address of a real server process over HTTP."""
    port = free_port()
    arguments = command("--http", "--port", str(port), url=file_url)
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server did not start")


@pytest.mark.slow
def test_over_http_a_real_process_answers_the_same(http_url: str):
    remembered, recalled, n_turns = asked(http_url, remember_and_recall)
    assert (remembered, n_turns) == ("Remembered as turn t0.", 1)
    assert "user: The gate code is 4417#." in recalled


# ---- the registry's file -------------------------------------------------------------------------


def test_server_json_names_this_version_and_the_command():
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    (package,) = server["packages"]
    assert server["version"] == package["version"] == __version__
    assert (package["identifier"], package["transport"]) == ("optical-memory", {"type": "stdio"})
    assert [argument["value"] for argument in package["packageArguments"]] == ["mcp"]
    assert f"mcp-name: {server['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(server["description"]) <= 100

"""The command mcp: how it opens the memory that the server serves."""

from __future__ import annotations

from typing import Any

import pytest
from support.shell import Shell

pytest.importorskip("mcp", reason="needs the extra mcp")

from optical_memory import OpticalMemory
from optical_memory.agents import mcp
from optical_memory.stores.turn_time import TURN_SECONDS


class Server:
    """Serves nobody."""

    def run(self, transport: str, **options: Any) -> None:
        assert transport == "stdio"


def test_a_call_of_a_tool_waits_no_longer_than_a_turn(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float | None] = []

    def memory_server(memory: OpticalMemory, **settings: Any) -> Server:
        deadlines.append(memory.deadline)
        return Server()

    monkeypatch.setattr(mcp, "memory_server", memory_server)
    assert shell.on_store("mcp")[0] == 0
    assert deadlines == [TURN_SECONDS]

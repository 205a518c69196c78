"""The sessions that the MCP server serves: its own alone, or every session of the store."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs the extra mcp")

from support.mcp_client import Ask, answer, asked, text

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.mcp import memory_server


@pytest.mark.parametrize("tool", ["recall", "stats", "view_pages", "remember"])
def test_another_session_is_out_of_reach(memory: OpticalMemory, tool: str):
    other = memory.open("bob")
    other.remember(Turn("user", "Bob's secret is 999."))
    arguments = {"recall": {"query": "secret"}, "view_pages": {"first": 1}}.get(tool, {})
    if tool == "remember":
        arguments = {"content": "hello"}
    words = text(answer(memory, tool, session="bob", **arguments))
    assert "This server serves the session 'alice' alone." in words
    assert "999" not in words
    assert other.stats().turns == 1


def test_with_any_session_each_is_apart(memory: OpticalMemory):
    async def converse(ask: Ask) -> tuple[Any, Any]:
        await ask("remember", content="Bob's secret is 999.", session="bob")
        return await ask("recall", query="secret", session="bob"), await ask(
            "recall", query="secret 999"
        )

    bobs, alices = asked(memory_server(memory, any_session=True), converse)
    assert "999" in text(bobs)
    assert "secret is 999" not in text(alices)


def test_more_sessions_than_the_server_holds_open_are_all_answered(memory: OpticalMemory):
    async def converse(ask: Ask) -> list[str]:
        for i in range(40):
            await ask("remember", content=f"The number is {i}.", session=f"s{i}")
        return [text(await ask("recall", query="number", session=f"s{i}")) for i in (0, 20, 39)]

    answers = asked(memory_server(memory, any_session=True), converse)
    assert ["The number is 0." in answers[0], "is 20." in answers[1], "is 39." in answers[2]] == [
        True
    ] * 3

"""A server that hangs or is far away, behind the tools of MCP, the recall tool and the hooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.late_server import late_door
from support.valkey_server import Server, running

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.failures import NO_MEMORY
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.mcp.answers import (
    context_answer,
    page_pictures,
    plan_answer,
    remember_answer,
    stats_answer,
)
from optical_memory.agents.recall_answers import recall_answer
from optical_memory.testing import TemplateReader

TURN = 2.5
"""The longest turn of a server that hangs (seconds)."""

AT_ONCE = 0.05
"""The longest turn after it."""

Answer = Callable[[OpticalMemory], object]

ANSWERS: dict[str, Answer] = {
    "lines": lambda memory: recall_answer(memory, "berth 7", detail="lines").text,
    "passages": lambda memory: recall_answer(memory, "berth 7").text,
    "page": lambda memory: recall_answer(memory, page=1).text,
    "view_pages": lambda memory: page_pictures(memory, 1, 4)[0],
    "context": lambda memory: context_answer(memory, "berth 7", 500),
    "plan": lambda memory: plan_answer(memory, 100).get("unavailable", ""),
    "stats": lambda memory: stats_answer(memory).get("unavailable", ""),
    "remember": lambda memory: remember_answer(memory, Turn("user", "berth 101")),
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with a session on pages, of which no tokens are cached."""
    with running() as server:
        with memory_at(server.url) as memory:
            memory.remember(
                [Turn("user", f"letter {i}: the pilot asked for berth {i}") for i in range(100)]
            )
            memory.flush()
            memory.store.drop_blobs("log")
        yield server


def memory_at(url: str, session: str = "log") -> OpticalMemory:
    return OpticalMemory(
        session, store=url, reader=TemplateReader(), keep_turns=2, background=False
    )


def timed(answer: Callable[..., object], *args: Any) -> tuple[str, float]:
    """The answer in words, and its seconds."""
    start = time.monotonic()
    words = answer(*args)
    return str(words), time.monotonic() - start


def test_a_tool_over_a_server_that_hangs_says_so_in_time_and_then_at_once(server: Server):
    for name, answer in ANSWERS.items():
        with closing(memory_at(server.url)) as memory:
            assert NO_MEMORY not in str(answer(memory))
            server.freeze()
            try:
                words, seconds = timed(answer, memory)
                assert (NO_MEMORY in words, seconds < TURN) == (True, True), name
                later = min(timed(answer, memory)[1] for _ in range(3))
                assert later < AT_ONCE, name
            finally:
                server.thaw()


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_tool_over_a_server_that_is_far_away_answers_in_time(server: Server, name: str):
    with late_door(server.socket, 0.3) as door, closing(memory_at(door.url)) as memory:
        words, seconds = timed(ANSWERS[name], memory)
        assert seconds < TURN
        assert NO_MEMORY not in words or name == "view_pages"  # four pages are too many trips


def compacted_transcript(folder: Path) -> Path:
    message = {"role": "user", "content": "Use port 8473 for the staging server."}
    later = {"role": "user", "content": "Which port?"}
    lines: list[Any] = [
        {"type": "user", "uuid": "u1", "message": message},
        {"type": "system", "subtype": "compact_boundary", "uuid": "c"},
        {"type": "user", "uuid": "u2", "message": later},
    ]
    path = folder / "transcript.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_prompt_goes_on_in_time_if_the_server_of_a_hook_hangs(server: Server, tmp_path: Path):
    event = json.dumps(
        {
            "hook_event_name": "UserPromptSubmit",
            "session_id": "s",
            "prompt": "Which port did the staging server have?",
            "transcript_path": str(compacted_transcript(tmp_path)),
        }
    )
    assert "8473" in hook_answer(lambda id: memory_at(server.url, id), event)
    server.freeze()
    try:
        words, seconds = timed(hook_answer, lambda id: memory_at(server.url, id), event)
    finally:
        server.thaw()
    assert words == ""
    assert seconds < TURN
    assert "8473" in hook_answer(lambda id: memory_at(server.url, id), event)

"""A memory on a server that is killed, or hangs, in a chat: every turn is answered all the same."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from support.scripted_agents import ScriptedModel, memory_in, words

from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens
from optical_memory.stores.private_server import private_server

N_TURNS = 80
LIMIT = 1_000
CONFIG: Any = {"configurable": {"thread_id": "t"}}


def talk(agent: Any, first: int, last: int) -> list[float]:
    """The seconds of each turn."""
    seconds = []
    for i in range(first, last):
        start = time.monotonic()
        text = f"Note {i}: the meeting about topic{i} moved to room {i}."
        agent.invoke({"messages": [HumanMessage(text)]}, CONFIG)
        seconds.append(time.monotonic() - start)
    return seconds


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "hung"])
def test_a_server_that_fails_costs_no_answer_and_at_most_2_5_seconds(
    tmp_path: Path, is_killed: bool
):
    with private_server(tmp_path) as url:
        pid = redis.Redis.from_url(url).info("server")["process_id"]
        memory = memory_in(tmp_path, store=url)
        model = ScriptedModel()
        middleware = OpticalMemoryMiddleware(memory=memory, budget=LIMIT)
        agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
        usual = talk(agent, 0, N_TURNS)
        os.kill(pid, signal.SIGKILL if is_killed else signal.SIGSTOP)
        seconds = talk(agent, N_TURNS, 2 * N_TURNS)
        agent.invoke({"messages": [HumanMessage("Where is topic150?")]}, CONFIG)
        if not is_killed:
            os.kill(pid, signal.SIGCONT)
    assert len(model.views) == 2 * N_TURNS + 1
    assert max(map(count_message_tokens, model.views)) <= LIMIT
    median = sorted(usual)[len(usual) // 2]
    assert sum(max(0.0, turn - 3 * median) for turn in seconds) <= 2.5
    state = agent.get_state(CONFIG).values["messages"]
    assert len(state) == 2 * (2 * N_TURNS + 1)
    assert "failed" not in words(state) + words(model.views[-1])


def test_a_memory_that_comes_back_catches_up(tmp_path: Path):
    with private_server(tmp_path) as url:
        pid = redis.Redis.from_url(url).info("server")["process_id"]
        memory = memory_in(tmp_path, store=url, background=False)
        middleware = OpticalMemoryMiddleware(memory=memory, budget=LIMIT)
        middleware._sessions._outage._seconds = 0.2
        agent = create_agent(ScriptedModel(), middleware=[middleware], checkpointer=InMemorySaver())
        talk(agent, 0, 5)
        os.kill(pid, signal.SIGSTOP)
        talk(agent, 5, 8)
        assert middleware._sessions._outage.is_on
        os.kill(pid, signal.SIGCONT)
        for i in range(8, 60):
            talk(agent, i, i + 1)
            time.sleep(0.2)
            if not middleware._sessions._outage.is_on:
                break
        talk(agent, 60, 61)
        other = memory.open("t")
        assert "topic6" in other.recall("topic6")[0].text
        other.close()
        middleware.close()

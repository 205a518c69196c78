"""The summarizer: LangChain's middleware shortens the state, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from optical_memory import OpticalMemory
from optical_memory.agents.langchain import as_summarizer
from optical_memory.agents.langchain.adapters.messages import last_question
from optical_memory.counting import count_tokens
from optical_memory.errors import InputError, StoreError


def chat(n: int) -> list[BaseMessage]:
    """Notes and answers, then a question about the third note."""
    messages: list[BaseMessage] = []
    for i in range(n):
        messages.append(HumanMessage(f"Note {i}: the meeting moved to room {i}.", id=f"h{i}"))
        messages.append(AIMessage(f"Noted, {i}.", id=f"a{i}"))
    return [*messages, HumanMessage("Which room did note 3 name?", id="q")]


def test_the_summary_has_what_the_last_question_is_about(memory: OpticalMemory):
    summary = as_summarizer(memory).invoke(chat(30))
    assert "the meeting moved to room 3." in summary
    assert "61 earlier messages are in memory" in summary
    assert count_tokens(summary) < 1_100


def test_everything_that_was_summarized_is_in_memory_once(memory: OpticalMemory):
    summarizer = as_summarizer(memory)
    summarizer.invoke(chat(30))
    summarizer.invoke(chat(30))
    assert memory.stats().turns == 61
    assert memory.recall("room 17")[0].text == "Note 17: the meeting moved to room 17."


def test_async_gives_the_same_summary(memory: OpticalMemory):
    summarizer = as_summarizer(memory)
    assert asyncio.run(summarizer.ainvoke(chat(9))) == summarizer.invoke(chat(9))


def test_an_older_summary_is_not_remembered(memory: OpticalMemory):
    older = HumanMessage("Here is a summary …", additional_kwargs={"lc_source": "summarization"})
    as_summarizer(memory).invoke([older, *chat(2)])
    assert memory.stats().turns == 5


def test_if_the_memory_fails_the_summary_is_every_message(
    memory: OpticalMemory, store: Any, caplog: pytest.LogCaptureFixture
):
    store.error = StoreError("no route to 10.0.0.7")
    with caplog.at_level(logging.WARNING, "optical_memory"):
        summary = as_summarizer(memory).invoke(chat(30))
    assert all(f"the meeting moved to room {i}." in summary for i in range(30))
    assert "10.0.0.7" not in summary
    assert "10.0.0.7" in caplog.text


def test_a_budget_below_zero_is_refused(memory: OpticalMemory):
    with pytest.raises(InputError, match="budget"):
        as_summarizer(memory, budget=-1)


@pytest.mark.parametrize("is_async", [False, True])
def test_the_middleware_takes_it(memory: OpticalMemory, *, is_async: bool):
    agents = pytest.importorskip("langchain.agents", reason="needs the extra langchain")
    from langchain.agents.middleware import SummarizationMiddleware

    model = FakeListChatModel(responses=["Room 3."])
    middleware = SummarizationMiddleware(
        model,
        trigger=("messages", 20),
        keep=("messages", 4),
        summarizer=as_summarizer(memory),
        trim_tokens_to_summarize=None,
    )
    agent = agents.create_agent(model, middleware=[middleware])
    state = {"messages": chat(30)}
    result = asyncio.run(agent.ainvoke(state)) if is_async else agent.invoke(state)
    summary, *kept = result["messages"]
    assert "the tool recall_memory finds them" in summary.text
    assert len(kept) == 5
    assert memory.recall("room 3", k=1)[0].text == "Note 3: the meeting moved to room 3."


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("A summary.", additional_kwargs={"lc_source": "summarization"}),
        HumanMessage("<recall>", additional_kwargs={"lc_source": "optical_memory"}),
        HumanMessage([{"type": "tool_result", "tool_use_id": "c1", "content": "It rains."}]),
    ],
)
def test_the_last_question_is_the_users_own(message: HumanMessage):
    assert last_question([*chat(3), AIMessage("Room 3."), message]) == 6
    assert last_question([message]) is None

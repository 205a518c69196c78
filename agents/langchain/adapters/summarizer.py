"""A summarizer for LangChain's `SummarizationMiddleware` that keeps everything, without a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda

from optical_memory.agents.failures import FAILURES, log_failure
from optical_memory.agents.langchain.adapters.messages import last_question, turns_of_messages
from optical_memory.agents.passages import framed_passages
from optical_memory.errors import require_number
from optical_memory.memory import OpticalMemory
from optical_memory.recall.speaker import speaker
from optical_memory.recall.window.frame import LEGEND, enclosed, turn_line
from optical_memory.turns import body

__all__ = [
    "as_summarizer",
]

SUMMARY_TOKENS = 1_000
"""Tokens of a summary: about as long as those that models write for the middleware."""

POINTER = "{n} earlier messages are in memory word for word; the tool recall_memory finds them."


def as_summarizer(
    memory: OpticalMemory, *, budget: int = SUMMARY_TOKENS
) -> Runnable[Sequence[BaseMessage], str]:
    """A summarizer: it remembers the messages, and gives passages about the user's last question.

    Give it as `SummarizationMiddleware(…, summarizer=as_summarizer(memory),
    trim_tokens_to_summarize=None)`; without None the middleware hands over the last 4000 tokens
    alone. The summary has at most `budget` tokens of passages.

    The middleware removes from the state what it summarized. So if the memory fails, the summary is
    the messages themselves, all of them, and the log has the reason.

    Raises `InputError` for a budget below 0.
    """
    require_number("budget", budget, minimum=0)

    def summarize(messages: Sequence[BaseMessage], **_: Any) -> str:
        try:
            return _summary(memory, messages, budget)
        except FAILURES as error:
            log_failure("summarizing", error)
            return _transcript(messages)

    async def asummarize(messages: Sequence[BaseMessage], **_: Any) -> str:
        return await asyncio.to_thread(summarize, messages)

    return RunnableLambda(summarize, asummarize, name="optical_memory.summarizer")


def _summary(memory: OpticalMemory, messages: Sequence[BaseMessage], budget: int) -> str:
    turns = turns_of_messages(messages)
    memory.remember(turns)
    question = last_question(messages)
    query = "" if question is None else messages[question].text
    passages = framed_passages(memory, query, budget)
    pointer = POINTER.format(n=len(turns))
    return f"{pointer}\n{passages}" if passages else pointer


def _transcript(messages: Sequence[BaseMessage]) -> str:
    """All messages as text in a frame. A message that cannot be read is left out, and logged."""
    lines: list[str] = []
    for message in messages:
        try:
            turns = turns_of_messages([message])
        except FAILURES as error:
            log_failure("reading a message", error)
            continue
        lines += [turn_line(speaker(turn.role, turn.name), body(turn)) for turn in turns]
    return enclosed(lines, LEGEND)

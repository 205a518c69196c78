"""A chat history of LangChain over a memory: a thin shim, for programs that still use the class.

LangChain has deprecated the base class since 1.6.4, and warns when a history is made. New programs
use the middleware.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from optical_memory.agents.failures import OnError, or_else
from optical_memory.agents.langchain.adapters.messages import (
    message_of,
    passage_message,
    turns_of_messages,
)
from optical_memory.errors import require_word
from optical_memory.memory import OpticalMemory
from optical_memory.recall.window.frame import frame

__all__ = [
    "OpticalChatMessageHistory",
]


class OpticalChatMessageHistory(BaseChatMessageHistory):
    """The messages of a memory's session, within the memory's budget.

    Recent messages come back as they were said, with names, ids, tool calls and what answers them.
    What was said before them stands framed in a message of the user at the head, as much of it as
    fits. Pictures and files come back as references in the text.

    If the memory fails there are no messages, nothing is added, and the log has the reason; with
    `on_error="raise"` the error is raised.
    """

    def __init__(
        self,
        memory: OpticalMemory,
        *,
        budget: int | None = None,
        on_error: OnError = "passthrough",
    ) -> None:
        super().__init__()
        require_word("on_error", on_error, get_args(OnError))
        self.memory = memory
        self.budget = budget
        self.on_error: OnError = on_error
        self._raises = on_error == "raise"

    @property
    def messages(self) -> list[BaseMessage]:
        """The messages as they stand now. Setting them forgets the session and begins it again."""
        return or_else("reading the history", self._messages, [], raises=self._raises)

    @messages.setter
    def messages(self, messages: list[BaseMessage]) -> None:
        self.clear()
        self.add_messages(messages)

    def _messages(self) -> list[BaseMessage]:
        window = self.memory.context(budget=self.budget)
        messages = [message_of(turn) for turn in window.turns if turn.role == "system"]
        passages = [part.passage for part in window.passages]
        if passages:
            text = frame(passages, [turn.text for turn in window.turns])
            messages.append(passage_message(text))
        return messages + [message_of(turn) for turn in window.turns if turn.role != "system"]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Remember messages, durably before this returns."""

        def remember() -> None:
            self.memory.remember(turns_of_messages(messages))

        or_else("remembering", remember, None, raises=self._raises)

    def clear(self) -> None:
        """Forget the session for good. Raises `StoreError` if that fails."""
        self.memory.forget(session=True)

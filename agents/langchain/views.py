"""Views of requests: what a model is shown, what it costs, and what the state keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain_core.messages import AnyMessage

from optical_memory.agents.failures import FAILURES
from optical_memory.agents.langchain.adapters.messages import last_question
from optical_memory.agents.langchain.facts import FactBook
from optical_memory.agents.langchain.presentation import Presentation
from optical_memory.agents.langchain.sessions import Sessions
from optical_memory.agents.langchain.state import Record, has_archive, record_of, state_changes
from optical_memory.agents.langchain.steps import Chat, Sizes, Steps
from optical_memory.agents.langchain.view import has_pictures
from optical_memory.turns import short_repr

__all__ = [
    "View",
    "ViewMaker",
]


@short_repr
@dataclass(frozen=True, slots=True)
class View:
    """What a model is shown: messages, their tokens, and the record that they come from.

    `n_tokens` and `n_history_tokens` are with the system message and the tools. `n_archived` is
    how many messages of the state are in the memory and not in view. `changes` are the values of
    the state that change.
    """

    messages: list[AnyMessage]
    record: Record
    n_tokens: int
    n_history_tokens: int
    n_archived: int
    is_remembered: bool
    has_pictures: bool
    changes: dict[str, Any]


@short_repr
@dataclass(slots=True)
class ViewMaker:
    """Makes views of requests. It has no state but what it knows again: facts and sessions.

    `own_tools` are offered only if something is archived, and the whole history needs none.
    """

    sessions: Sessions
    book: FactBook
    sizes: Sizes
    own_tools: Sequence[Any] = ()
    raises: bool = False

    def view(
        self,
        request: ModelRequest[Any],
        presentation: Presentation,
        *,
        record: Record | None = None,
        limit: int | None = None,
        forces: bool = False,
        tries_memory: bool = True,
    ) -> View:
        """The view of a request, or of a `record` that was made for it.

        `limit` is in place of the trigger's; `forces` cuts in any case.

        Without `tries_memory` no store is asked. If the memory fails, the view is made without it;
        with `raises` its error is raised.
        """
        chat = self._chat(request)
        old = record_of(request.state)
        record = record or self._record(old, request, chat)
        conversation = self.sessions.conversation(record["session"])
        steps = Steps(self.sizes, self.book, chat, conversation, presentation)
        is_remembered = False
        with conversation.lock:
            try:
                is_remembered = tries_memory and conversation.remember(chat.facts)
                new, start = steps.record(record, is_remembered, limit, forces)
            except FAILURES as error:
                if self.raises:
                    raise
                conversation.fail(error)
                is_remembered = False
                new, start = steps.record(record, False, limit, forces)
        messages = steps.messages(start, new)
        own_tools = [tool for tool in request.tools if tool in self.own_tools]
        n_own = self.book.count_tools(own_tools)
        n_unused = n_own * (not has_archive(new))
        self.sessions.keep(new, chat.prefixes[-1])
        is_changed = new != old and (old is not None or _says_something(new, request))
        return View(
            messages=messages,
            record=new,
            n_tokens=chat.overhead - n_unused + sum(map(self.book.count, messages)),
            n_history_tokens=chat.overhead - n_own + sum(facts.n_tokens for facts in chat.facts),
            n_archived=start,
            is_remembered=is_remembered,
            has_pictures=any(map(has_pictures, messages)),
            changes=state_changes(new, old) if is_changed else {},
        )

    def _record(self, old: Record | None, request: ModelRequest[Any], chat: Chat) -> Record:
        """The record with which a request begins."""
        return self.sessions.record(old, request.state, request.runtime, chat.prefixes)

    def _chat(self, request: ModelRequest[Any]) -> Chat:
        messages = list(request.messages)
        facts = self.book.of(messages)
        overhead = self.book.count_tools(request.tools)
        if request.system_message is not None:
            overhead += self.book.count(request.system_message)
        question = last_question(messages)
        return Chat(messages, facts, self.book.prefixes(facts), overhead, request.model, question)


def _says_something(record: Record, request: ModelRequest[Any]) -> bool:
    """True if the record could not be made again from the request's runtime."""
    info = getattr(request.runtime, "execution_info", None)
    thread = getattr(info, "thread_id", None)
    return record["head"] is not None or bool(record["recalls"]) or record["session"] != thread

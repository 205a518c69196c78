"""Making the view of a request: remember, cut if it is too large, recall, and build messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain_core.messages import AnyMessage, HumanMessage

from optical_memory.agents.langchain.conversation import Conversation
from optical_memory.agents.langchain.facts import FactBook, Facts, prefix_digests
from optical_memory.agents.langchain.pairing import valid_cuts
from optical_memory.agents.langchain.plan import (
    HEAD_SHARE,
    MAX_HEAD_TOKENS,
    MAX_RECALL_TOKENS,
    RECALL_SHARE,
    RECALLS_SHARE,
    TAIL_SHARE,
    Cut,
    Room,
    choose_cut,
    head_of,
    last_question,
    start_of_view,
)
from optical_memory.agents.langchain.sessions import Sessions, record_of
from optical_memory.agents.langchain.sizes import UNKNOWN_WINDOW, Keep, Trigger
from optical_memory.agents.langchain.state import Record
from optical_memory.agents.langchain.view import Presentation, view_of
from optical_memory.errors import Forgotten, OpticalMemoryError

__all__ = [
    "View",
    "ViewMaker",
]

log = logging.getLogger("optical_memory")

LEAST_RECALL_TOKENS = 48
"""Fewer tokens than this hold no passage with its frame."""

QUESTION_CHARS = 2_000
"""So much of a question is searched for; the rest of a long paste says little more."""

TRIES = (1.0, 0.6, 0.3, 0.1)
"""Shares of the usual sizes that are tried until a view fits: counts are not quite additive."""


@dataclass(frozen=True, slots=True)
class View:
    """What a model is shown: messages, their tokens, and the record that they come from.

    `n_tokens` and `n_history_tokens` are with the system message and the tools. `n_archived` is
    how many messages of the state are in the memory and not in view.
    """

    messages: list[AnyMessage]
    record: Record
    n_tokens: int
    n_history_tokens: int
    n_archived: int
    is_remembered: bool
    is_changed: bool


@dataclass(frozen=True, slots=True)
class _Chat:
    """A request's messages with their facts."""

    messages: list[AnyMessage]
    facts: list[Facts]
    prefixes: list[str]
    overhead: int
    model: Any
    question: int | None

    def question_text(self) -> str:
        i = self.question
        return "" if i is None else str(self.messages[i].text)[:QUESTION_CHARS]


@dataclass(slots=True)
class ViewMaker:
    """Makes views of requests. It has no state but what it knows again: facts and sessions.

    `own_tools` are offered only if something is archived, and the whole history needs none.
    """

    sessions: Sessions
    book: FactBook
    trigger: Trigger
    keep: Keep
    own_tools: Sequence[Any] = ()
    raises: bool = False
    prunes: bool = False

    def view(
        self,
        request: ModelRequest[Any],
        presentation: Presentation,
        *,
        limit: int | None = None,
        forces: bool = False,
        tries_memory: bool = True,
    ) -> View:
        """The view of a request. `limit` is in place of the trigger's; `forces` cuts in any case.

        Without `tries_memory` no store is asked. If the memory fails, the view is made without it;
        with `raises` its error is raised.
        """
        chat = self._chat(request)
        old = record_of(request.state)
        record = self.sessions.record(old, request.state, request.runtime, chat.prefixes)
        conversation = self.sessions.conversation(record["session"])
        with conversation.lock:
            try:
                is_remembered = tries_memory and conversation.remember(chat.facts)
                steps = _Steps(self, chat, conversation, presentation, is_remembered)
                new, start = steps.record(record, limit, forces)
            except (OpticalMemoryError, Forgotten, OSError) as error:
                if self.raises:
                    raise
                conversation.fail(error)
                is_remembered = False
                steps = _Steps(self, chat, conversation, presentation, is_remembered)
                new, start = steps.record(record, limit, forces)
        messages = steps.messages(start, new)
        own_tools = [tool for tool in request.tools if tool in self.own_tools]
        n_own = self.book.count_tools(own_tools)
        n_unused = 0 if start else n_own
        self.sessions.keep(new, chat.prefixes[-1])
        return View(
            messages=messages,
            record=new,
            n_tokens=chat.overhead - n_unused + sum(map(self.book.count, messages)),
            n_history_tokens=chat.overhead - n_own + sum(facts.n_tokens for facts in chat.facts),
            n_archived=start,
            is_remembered=is_remembered,
            is_changed=new != old and (old is not None or _says_something(new, request)),
        )

    def _chat(self, request: ModelRequest[Any]) -> _Chat:
        messages = list(request.messages)
        facts = self.book.of(messages)
        overhead = self.book.count_tools(request.tools)
        if request.system_message is not None:
            overhead += self.book.count(request.system_message)
        question = last_question(messages)
        return _Chat(messages, facts, prefix_digests(facts), overhead, request.model, question)


def _says_something(record: Record, request: ModelRequest[Any]) -> bool:
    """True if the record could not be made again from the request's runtime."""
    info = getattr(request.runtime, "execution_info", None)
    thread = getattr(info, "thread_id", None)
    return record["head"] is not None or bool(record["recalls"]) or record["session"] != thread


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps of a single request."""

    maker: ViewMaker
    chat: _Chat
    conversation: Conversation
    presentation: Presentation
    is_remembered: bool

    def record(self, record: Record, limit: int | None, forces: bool) -> tuple[Record, int]:
        """The record after this request, and the first message that its view shows."""
        chat = self.chat
        start = start_of_view(record["head"], chat.facts, chat.prefixes)
        if start is None:
            record = {**record, "head": None, "recalls": {}}
            start = 0
        if not chat.facts:
            return record, 0
        record = self._with_recall(record, start)
        n_tokens = self._n_tokens(record, start)
        limits = self.maker.trigger.limit(chat.model)
        room = Room(min(limits, limit or limits, n_tokens), chat.overhead)
        is_over = forces or n_tokens - chat.overhead > Room(limits, chat.overhead).n_tokens
        if not (is_over or self._is_long(record, start, n_tokens)):
            return record, start
        for share in TRIES:
            new, new_start = self._cut(record, start, room, share)
            if new_start == start and not is_over:
                return record, start
            if self._n_tokens(new, new_start) - chat.overhead <= room.n_tokens:
                return new, new_start
        log.warning("the newest messages alone are larger than the window")
        return new, new_start

    def messages(self, start: int, record: Record) -> list[AnyMessage]:
        chat = self.chat
        return view_of(
            chat.messages,
            chat.facts,
            chat.prefixes,
            start,
            record["head"],
            record["recalls"],
            self.presentation,
        )

    # ---- sizes -----------------------------------------------------------------------------------

    def _n_tokens(self, record: Record, start: int) -> int:
        messages = self.messages(start, record)
        return self.chat.overhead + sum(map(self.maker.book.count, messages))

    def _is_long(self, record: Record, start: int, n_tokens: int) -> bool:
        """True if the trigger or the passages of questions ask for a cut, while the view fits."""
        trigger = self.maker.trigger
        n_recalled = sum(map(self._n_text_tokens, record["recalls"].values()))
        if n_recalled > RECALLS_SHARE * self._recall_room():
            return True
        return trigger.is_reached(self.chat.model, n_tokens, len(self.chat.messages) - start)

    def _recall_room(self) -> int:
        limit = min(self.maker.trigger.limit(self.chat.model), UNKNOWN_WINDOW)
        return Room(limit, self.chat.overhead).n_tokens

    def _n_text_tokens(self, text: str) -> int:
        return self.maker.book.count(HumanMessage(text)) if text else 0

    # ---- cutting ---------------------------------------------------------------------------------

    def _cut(self, record: Record, start: int, room: Room, share: float) -> tuple[Record, int]:
        """The record with fewer messages in view, and passages in place of them."""
        chat = self.chat
        budget = int(share * TAIL_SHARE * room.n_tokens)
        max_messages = self.maker.keep.max_messages()
        trigger_messages = self.maker.trigger.max_messages()
        if max_messages is not None and trigger_messages is not None:
            max_messages = max(1, min(max_messages, trigger_messages // 2))
        cut = choose_cut(
            chat.facts,
            valid_cuts(chat.messages),
            chat.question,
            start=start,
            budget=budget,
            max_messages=max_messages,
            max_tokens=self.maker.keep.max_tokens(chat.model),
        )
        n_head = min(MAX_HEAD_TOKENS, int(share * HEAD_SHARE * room.n_tokens))
        old = record["head"]
        passages = ""
        if cut.start > 0:
            passages = self._passages(cut, n_head)
        elif old is not None:  # the archived messages left the state
            passages = old["passages"]
        head = head_of(
            chat.facts,
            chat.prefixes,
            cut,
            passages,
            is_changed=cut.start > 0,
            is_pruned=self.maker.prunes or (old is not None and old["is_pruned"]),
        )
        question = chat.question
        recalls = {} if question is None else {chat.prefixes[question]: ""}
        return {**record, "head": head, "recalls": recalls}, cut.start

    def _passages(self, cut: Cut, budget: int) -> str:
        question = self.chat.question_text()
        if self.is_remembered:
            shown = [*range(cut.start, len(self.chat.facts))]
            if cut.question is not None:
                shown.append(cut.question)
            return self.conversation.head(question, budget, shown)
        return self.conversation.head_in_hand(question, budget, self.chat.facts[: cut.start])

    # ---- recalling -------------------------------------------------------------------------------

    def _with_recall(self, record: Record, start: int) -> Record:
        """The record with passages about the newest question, if something is archived."""
        chat = self.chat
        question = chat.question
        if record["head"] is None or start == 0 or question is None or question < start:
            return record
        key = chat.prefixes[question]
        if key in record["recalls"] or not self.is_remembered:
            return record
        budget = min(MAX_RECALL_TOKENS, int(RECALL_SHARE * self._recall_room()))
        if budget < LEAST_RECALL_TOKENS:
            return record
        shown = range(start, len(chat.facts))
        text = self.conversation.about(chat.question_text(), budget, shown)
        return {**record, "recalls": {**record["recalls"], key: text}}

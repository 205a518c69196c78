"""The steps of a request: cut its view if it is too large, recall what its question is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage

from optical_memory.agents.langchain.conversation import Conversation
from optical_memory.agents.langchain.facts import FactBook, Facts
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
    is_edited,
    position_of,
    start_of_view,
)
from optical_memory.agents.langchain.presentation import Presentation
from optical_memory.agents.langchain.sizes import UNKNOWN_WINDOW, Keep, Trigger
from optical_memory.agents.langchain.state import Record, has_archive
from optical_memory.agents.langchain.view import view_of
from optical_memory.agents.recalled_sheets import Drawing
from optical_memory.counting import count_tokens
from optical_memory.telemetry.event_table import WINDOW_TOO_SMALL
from optical_memory.telemetry.events import emit
from optical_memory.turns import short_repr

__all__ = [
    "Chat",
    "Sizes",
    "Steps",
]

LEAST_RECALL_TOKENS = 48
"""Fewer tokens than this hold no passage with its frame."""

QUESTION_CHARS = 2_000
"""So much of a question is searched for; the rest of a long paste says little more."""

TRIES = (1.0, 0.6, 0.3, 0.1)
"""Shares of the usual sizes that are tried until a view fits: counts are not quite additive."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """When a view is too large, how much stays, and if the state is pruned."""

    trigger: Trigger
    keep: Keep
    prunes: bool = False


@short_repr
@dataclass(frozen=True, slots=True)
class Chat:
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


@short_repr
@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a single request."""

    sizes: Sizes
    book: FactBook
    chat: Chat
    conversation: Conversation
    presentation: Presentation

    def record(
        self, record: Record, is_remembered: bool, limit: int | None, forces: bool
    ) -> tuple[Record, int]:
        """The record after this request, and the first message that its view shows.

        Passages come from the memory if all messages are remembered, else from those in hand.
        """
        chat = self.chat
        start = start_of_view(record["head"], chat.facts, chat.prefixes)
        if start is None:
            record = {**record, "head": None, "recalls": {}, "drawing": None}
            start = 0
        if not chat.facts:
            return record, 0
        old = record["head"]
        is_out_of_date = is_remembered and self._has_forgotten(record)
        if old is not None and (is_out_of_date or is_edited(old, chat.facts, chat.prefixes)):
            question = position_of(old["question"], chat.facts)
            cut = Cut(start, question, old["cap"])
            n_head = max(count_tokens(old["passages"]), LEAST_RECALL_TOKENS)
            record = self._with_cut(record, cut, n_head, is_remembered)
        if is_remembered:
            record = self._with_recall(record, start)
        n_tokens = self._n_tokens(record, start)
        limits = self.sizes.trigger.limit(chat.model)
        room = Room(min(limits, limit or limits, n_tokens), chat.overhead)
        is_over = forces or n_tokens - chat.overhead > Room(limits, chat.overhead).n_tokens
        if not (is_over or self._is_long(record, start, n_tokens)):
            return record, start
        new = record
        new_start = start
        for share in TRIES:
            new, new_start = self._cut(record, start, room, share, is_remembered)
            if new_start == start and not is_over:
                return record, start
            if self._n_tokens(new, new_start) - chat.overhead <= room.n_tokens:
                return new, new_start
        emit(WINDOW_TOO_SMALL)
        return new, new_start

    def messages(self, start: int, record: Record) -> list[AnyMessage]:
        chat = self.chat
        return view_of(
            chat.messages,
            chat.facts,
            chat.prefixes,
            start,
            record,
            self.presentation,
        )

    def _has_forgotten(self, record: Record) -> bool:
        """True if the session has forgotten something since the head's passages were made."""
        return record.get("erasures") != self.conversation.erasures()

    # ---- sizes -----------------------------------------------------------------------------------

    def _n_tokens(self, record: Record, start: int) -> int:
        messages = self.messages(start, record)
        return self.chat.overhead + sum(map(self.book.count, messages))

    def _is_long(self, record: Record, start: int, n_tokens: int) -> bool:
        """True if the trigger or the passages of questions ask for a cut, while the view fits."""
        trigger = self.sizes.trigger
        n_recalled = sum(map(self._n_text_tokens, record["recalls"].values()))
        if n_recalled > RECALLS_SHARE * self._recall_room():
            return True
        return trigger.is_reached(self.chat.model, n_tokens, len(self.chat.messages) - start)

    def _recall_room(self) -> int:
        limit = min(self.sizes.trigger.limit(self.chat.model), UNKNOWN_WINDOW)
        return Room(limit, self.chat.overhead).n_tokens

    def _n_text_tokens(self, text: str) -> int:
        return self.book.count(HumanMessage(text)) if text else 0

    # ---- cutting ---------------------------------------------------------------------------------

    def _cut(
        self, record: Record, start: int, room: Room, share: float, is_remembered: bool
    ) -> tuple[Record, int]:
        """The record with fewer messages in view, and passages in place of them."""
        chat = self.chat
        budget = int(share * TAIL_SHARE * room.n_tokens)
        max_messages = self.sizes.keep.max_messages()
        trigger_messages = self.sizes.trigger.max_messages()
        if max_messages is not None and trigger_messages is not None:
            max_messages = max(1, min(max_messages, trigger_messages // 2))
        cut = choose_cut(
            chat.facts,
            valid_cuts(chat.messages),
            chat.question,
            start=start,
            budget=budget,
            max_messages=max_messages,
            max_tokens=self.sizes.keep.max_tokens(chat.model),
        )
        n_head = min(MAX_HEAD_TOKENS, int(share * HEAD_SHARE * room.n_tokens))
        return self._with_cut(record, cut, n_head, is_remembered), cut.start

    def _with_cut(self, record: Record, cut: Cut, n_head: int, is_remembered: bool) -> Record:
        """The record with this cut, and passages of at most so many tokens at the head."""
        chat = self.chat
        old = record["head"]
        passages = ""
        drawing = None
        is_out_of_date = old is not None and is_remembered and self._has_forgotten(record)
        is_changed = cut.start > 0 or is_out_of_date
        if is_changed:
            passages, drawing = self._passages(cut, n_head, is_remembered)
        elif old is not None:  # the archived messages left the state
            passages = old["passages"]
            drawing = record["drawing"]
        head = head_of(
            chat.facts,
            chat.prefixes,
            cut,
            passages,
            is_changed=is_changed,
            is_pruned=self.sizes.prunes or (old is not None and old["is_pruned"]),
        )
        question = chat.question
        recalls = {} if question is None else {chat.prefixes[question]: ""}
        new_record: Record = {**record, "head": head, "recalls": recalls, "drawing": drawing}
        if is_remembered:
            new_record["erasures"] = self.conversation.erasures()
        return new_record

    def _passages(self, cut: Cut, budget: int, is_remembered: bool) -> tuple[str, Drawing | None]:
        """Passages for the head as text, and on sheets if the model is known to read them."""
        question = self.chat.question_text()
        if is_remembered:
            shown = [*range(cut.start, len(self.chat.facts))]
            if cut.question is not None:
                shown.append(cut.question)
            text = self.conversation.head(question, budget, shown)
            rule = self.presentation.rule
            if rule is None:
                return text, None
            return text, self.conversation.head_on_sheets(question, budget, shown, rule)
        archived = self.chat.facts[: cut.start]
        return self.conversation.head_in_hand(question, budget, archived), None

    # ---- recalling -------------------------------------------------------------------------------

    def _with_recall(self, record: Record, start: int) -> Record:
        """The record with passages about the newest question, if something is archived."""
        chat = self.chat
        question = chat.question
        if not has_archive(record) or question is None or question < start:
            return record
        key = chat.prefixes[question]
        if key in record["recalls"]:
            return record
        budget = min(MAX_RECALL_TOKENS, int(RECALL_SHARE * self._recall_room()))
        if budget < LEAST_RECALL_TOKENS:
            return record
        shown = range(start, len(chat.facts))
        text = self.conversation.about(chat.question_text(), budget, shown)
        return {**record, "recalls": {**record["recalls"], key: text}}

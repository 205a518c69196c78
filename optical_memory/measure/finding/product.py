"""A conversation in a memory of ours, from which the public calls fill windows and rank turns.

By default its pages are certified, their text is dropped, and they fade by age: half of them to the
last rung, a quarter to the rung before it, and so on. Everything is read from pictures. With text
in hand nothing is certified.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from optical_memory.errors import BudgetTooSmall
from optical_memory.loaders import Conversation
from optical_memory.measure.demo_capacity import halving_policy
from optical_memory.measure.finding.window import Window
from optical_memory.measure.kept_memories import KeptMemories
from optical_memory.memory import OpticalMemory
from optical_memory.search.meaning import Semantic
from optical_memory.session.background import Progress, no_progress
from optical_memory.turns import ToolCall, call_text

__all__ = [
    "WORDS",
    "WORDS_AND_MEANING",
    "OpticalMemoryMethod",
    "Product",
    "message_texts",
    "rung_shares",
]

WORDS = "optical-memory"
WORDS_AND_MEANING = "optical-memory+semantic"

STOPS = ", stops"
"""The end of the name if the window is left as it is where nothing is relevant any more."""

RANKED = 30
"""Passages that are recalled for a ranking; they hardly ever lie in fewer than ten sessions."""


class OpticalMemoryMethod:
    """The product: `context` fills the window, `recall` gives the ranking.

    It is named by whether the memory finds by words alone, or by meaning too, and by whether it
    stops where nothing is relevant any more. `margin` is that of `context`: by default the window
    is filled; None is what is usual. `name` is given in place of that name.
    """

    def __init__(
        self, memory: OpticalMemory, margin: float | None = math.inf, name: str = ""
    ) -> None:
        self.memory = memory
        self.name = WORDS if memory.semantic is None else WORDS_AND_MEANING
        if margin is None:
            self.name += STOPS
        self.name = name or self.name
        self._margin = margin

    def window(self, question: str, budget: int) -> Window:
        """The texts of the messages that `context` hands over; none if the budget is too small."""
        try:
            context = self.memory.context(question, budget=budget, margin=self._margin)
        except BudgetTooSmall:
            return Window((), 0)
        texts: list[str] = []
        for message in context.to_messages():
            texts += message_texts(message)
        return Window(tuple(texts), context.n_tokens)

    def ranking(self, question: str) -> list[str]:
        """The ids of the turns in the passages that `recall` gives, the best passage first."""
        ids: dict[str, None] = {}
        for recollection in self.memory.recall(question, k=RANKED):
            ids.update(dict.fromkeys(recollection.turns))
        return list(ids)


def message_texts(message: Mapping[str, Any]) -> list[str]:
    """The texts of a message in OpenAI's form, and its calls as they stand in a turn.

    The content is a text or a list of parts.
    """
    content = message.get("content")
    if isinstance(content, str):
        texts = [content] if content else []
    else:
        texts = [part["text"] for part in content or () if part.get("type") == "text"]
    for call in message.get("tool_calls") or ():
        function = call["function"]
        texts.append(call_text(ToolCall(function["name"], function["arguments"])))
    return texts


@dataclass(frozen=True, slots=True)
class Product(KeptMemories):
    """How conversations are kept: in a file of `folder`, as pictures or with their text in hand."""

    @contextmanager
    def open(
        self,
        conversation: Conversation,
        progress: Progress = no_progress,
        semantic: Semantic = None,
    ) -> Iterator[OpticalMemory]:
        """A memory with the conversation, ready to be asked.

        A memory that the folder holds already is not certified again. `semantic` is that of
        `OpticalMemory`. Vectors are written as turns are remembered, so the conversation is always
        remembered with them, if they are to be had here, and may be asked without.
        """
        with self.memory(conversation, "auto") as memory:
            self.fill(memory, conversation, _fade_by_age, progress)
        with self.memory(conversation, semantic) as memory:
            yield memory


def _fade_by_age(memory: OpticalMemory) -> None:
    """Half of the pages to the last rung, a quarter to the rung before it, and so on."""
    policy = halving_policy(len(memory.pages()), memory.reader.profile.ladder)
    with OpticalMemory(
        memory.session,
        store=memory.store,
        reader=memory.reader,
        semantic=None,
        policy=policy,
        background=False,
    ) as memory_by_age:
        memory_by_age.fade()


def rung_shares(memory: OpticalMemory) -> dict[str, float]:
    """The share of the pages in each form: a rung, "text", "stub" or "forgotten"."""
    forms = Counter(page.form for page in memory.pages())
    n_pages = max(1, forms.total())
    return {form: round(count / n_pages, 4) for form, count in sorted(forms.items())}

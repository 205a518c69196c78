"""A conversation and its memory: what is remembered of it, and passages for its view.

If the memory fails, a turn waits for it once. Then the memory is left alone until a thread in the
background reaches it again; meanwhile passages come from the messages in hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from optical_memory.agents.failures import FAILURES, log_failure
from optical_memory.agents.langchain.facts import Facts
from optical_memory.agents.older_turns import OlderTurns
from optical_memory.agents.passages import fitting_frame
from optical_memory.agents.recalled_sheets import Drawing, SheetRule, draw_passages
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, Forgotten
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context
from optical_memory.recall.window.frame import LEAST_FRAME_TOKENS
from optical_memory.session.erasing.erasures import erasures
from optical_memory.telemetry.event_table import MEMORY_BACK
from optical_memory.telemetry.events import emit
from optical_memory.turns import Turn

__all__ = [
    "Conversation",
    "Outage",
]

PROBE_SECONDS = 5.0
"""So long a memory that failed is left alone between two tries in the background."""

MAX_IN_HAND = 400
"""So many of the newest archived messages are searched without a memory: some 60 ms."""

MAX_GIVEN = 512
"""A session is given a list of at most so many messages if the chat only went on.

It takes a list without its beginning as one whose beginning was cut off: that stays.
"""

N_GIVEN = 128
"""A list that is too long is cut to its last messages: so the next cut is far away."""

ABOUT_SHARE = 0.6
"""Share of the head for what is about the question; the rest is for what came last."""


class Outage:
    """Says if a memory failed and was not reached since. Threads may share it."""

    def __init__(self, seconds: float = PROBE_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._is_on = False
        self._next_probe = 0.0

    @property
    def is_on(self) -> bool:
        return self._is_on

    def begin(self) -> None:
        """Note that the memory has failed."""
        with self._lock:
            self._is_on = True
            self._next_probe = time.monotonic() + self._seconds

    def probe(self, reach: Callable[[], object]) -> None:
        """Try to reach the memory in the background, if it is time for it."""
        with self._lock:
            if not self._is_on or time.monotonic() < self._next_probe:
                return
            self._next_probe = float("inf")
        threading.Thread(
            target=self._try, args=(reach,), name="optical-memory-probe", daemon=True
        ).start()

    def _try(self, reach: Callable[[], object]) -> None:
        try:
            reach()
        except FAILURES:
            self.begin()
        else:
            self._is_on = False
            emit(MEMORY_BACK)


class Conversation:
    """One session of a memory, brought in step with the messages of an agent."""

    def __init__(self, session: str, open_memory: Callable[[str], OpticalMemory], outage: Outage):
        self.session = session
        self.lock = threading.Lock()
        self._open = open_memory
        self._outage = outage
        self._memory: OpticalMemory | None = None
        self._first = 0  # the first message of the list that the session was given last
        self._facts: list[Facts] = []
        self._turns: list[tuple[Turn, ...]] = []
        self._ids: list[tuple[str, ...]] = []

    @property
    def memory(self) -> OpticalMemory:
        """The memory of this session, opened when it is first asked for."""
        if self._memory is None:
            self._memory = self._open(self.session)
        return self._memory

    @property
    def has_memory(self) -> bool:
        """True if the memory may be asked now."""
        if self._outage.is_on:
            self._outage.probe(lambda: self.memory.store.version(self.session))
        return not self._outage.is_on

    def fail(self, error: Exception) -> None:
        """Leave the memory alone for a while."""
        self._outage.begin()
        log_failure("the memory", error)

    def close(self) -> None:
        """Close the memory; its session stays."""
        if self._memory is not None:
            self._memory.close()

    # ---- remembering -----------------------------------------------------------------------------

    def remember(self, facts: Sequence[Facts]) -> bool:
        """Bring the session in step with all messages. False if the memory is out of reach.

        Raises the error of a memory that fails.
        """
        if not self.has_memory:
            return False
        n_same = self._n_same(facts)
        n_old = len(self._facts)
        if n_same == n_old == len(facts) > 0:
            return True
        turns = self._turns[:n_same]
        turns += [_with_id(message) for message in facts[n_same:]]
        first = self._first if n_same == n_old else 0
        if n_same == n_old and len(facts) - first > MAX_GIVEN:
            first = max(0, min(n_same, len(facts) - N_GIVEN))
        ids = self.memory.sync(list(chain.from_iterable(turns[first:])))
        self._first = first
        self._facts = list(facts)
        self._turns = turns
        self._ids = [*self._ids[:first], *_by_message(turns[first:], ids)]
        return True

    def erasures(self) -> str:
        """A mark that changes if the session forgets something; made when it remembered last."""
        return erasures(self.memory._archive)  # noqa: SLF001 - users have no use for it

    def _n_same(self, facts: Sequence[Facts]) -> int:
        """How many of the first messages say the same as last time; they keep their turns."""
        for i, (old, new) in enumerate(zip(self._facts, facts, strict=False)):
            if old.digest != new.digest:
                return i
        return min(len(self._facts), len(facts))

    # ---- passages --------------------------------------------------------------------------------

    def about(self, question: str, budget: int, shown: Sequence[int]) -> str:
        """Passages about a question, of turns but those of the messages at these positions.

        Empty if the memory knows nothing about it. Raises the error of a memory that fails.
        """
        window = self._window(question, budget, self._shown_ids(shown), None)
        return fitting_frame(_best_first(window), budget)

    def head(self, question: str, budget: int, shown: Sequence[int]) -> str:
        """Passages about a question, and what came last, in the order of time.

        Raises the error of a memory that fails.
        """
        return fitting_frame(self._head_passages(question, budget, shown, None), budget)

    def head_on_sheets(
        self, question: str, budget: int, shown: Sequence[int], rule: SheetRule
    ) -> Drawing | None:
        """Passages as `head` gives them, but as many as the budget holds on sheets.

        None if sheets are not worth it. Raises the error of a memory that fails.
        """
        passages = self._head_passages(question, budget, shown, rule)
        return draw_passages(passages, budget, rule)

    def _head_passages(
        self, question: str, budget: int, shown: Sequence[int], rule: SheetRule | None
    ) -> list[Recollection]:
        """Passages about a question, the best first, and then the newest others."""
        ids = self._shown_ids(shown)
        about: list[Recollection] = []
        n_tokens = 0
        if question:
            window = self._window(question, int(ABOUT_SHARE * budget), ids, rule)
            about = _best_first(window)
            n_tokens = 0 if window is None else window.n_tokens
        ids |= set(chain.from_iterable(passage.turns for passage in about))
        newest = _passages(self._window(None, budget - n_tokens, ids, rule))
        return [*about, *reversed(newest)]

    def _shown_ids(self, positions: Sequence[int]) -> set[str]:
        return set(chain.from_iterable(self._ids[i] for i in positions if i < len(self._ids)))

    def _window(
        self, question: str | None, budget: int, ids: set[str], rule: SheetRule | None
    ) -> Context | None:
        """Passages about a question, or the newest, but for those of `ids`; None if none fit."""
        if budget < LEAST_FRAME_TOKENS:
            return None
        try:
            if rule is None:
                return self.memory.context(question, budget, shown=ids)
            return self.memory.context(question, budget, rule.mode, host=rule.host, shown=ids)
        except (BudgetTooSmall, Forgotten):
            return None

    def head_in_hand(self, question: str, budget: int, facts: Sequence[Facts]) -> str:
        """Passages as `head` gives them, without a memory: of the newest messages in hand."""
        turns = list(chain.from_iterable(message.turns for message in facts[-MAX_IN_HAND:]))
        if not turns or budget < LEAST_FRAME_TOKENS:
            return ""
        older = OlderTurns(dict(enumerate(turns)))
        choices = older.about(question, int(ABOUT_SHARE * budget)) if question else []
        numbers = {choice.ordinal for choice in choices}
        n_tokens = count_tokens(older.frame(choices, budget, []))
        choices += older.newest(budget - n_tokens, without=numbers)
        return older.frame(choices, budget, [])


def _passages(window: Context | None) -> list[Recollection]:
    """The passages of a window, in the order of time."""
    return [] if window is None else [part.passage for part in window.passages]


def _best_first(window: Context | None) -> list[Recollection]:
    return sorted(_passages(window), key=lambda passage: -passage.score)


def _with_id(message: Facts) -> tuple[Turn, ...]:
    """The turns of a message; the last has the message's id."""
    if message.id is None or not message.turns:
        return message.turns
    *first, last = message.turns
    return (*first, replace(last, id=message.id))


def _by_message(turns: Sequence[tuple[Turn, ...]], ids: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids of turns, by message."""
    groups: list[tuple[str, ...]] = []
    end = 0
    for message in turns:
        start = end
        end += len(message)
        groups.append(tuple(ids[start:end]))
    return groups

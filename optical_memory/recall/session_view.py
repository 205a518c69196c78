"""A session to read from: recall, context, pages. The half of `OpticalMemory` that asks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from itertools import chain
from typing import get_args

from optical_memory.counting import IMAGE_PRICES, Bill
from optical_memory.errors import (
    Forgotten,
    InputError,
    StoreError,
    StoreTimeout,
    is_amount,
    require_number,
    require_text,
    require_word,
)
from optical_memory.hosts.profile import HostProfile
from optical_memory.hosts.resolve import resolve_host
from optical_memory.recall.choose import choose_turns
from optical_memory.recall.counted import count_context, count_recall
from optical_memory.recall.current_turns import CurrentTurns
from optical_memory.recall.find import Finder, TimeLimits
from optical_memory.recall.in_thread import in_thread
from optical_memory.recall.opened.guard import GuardPolicy
from optical_memory.recall.passages import read_passages, stretches, with_exact_costs
from optical_memory.recall.past import asks_about_past
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.recollection import Recollection, Recollections
from optical_memory.recall.sources import Sources
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.fill import fill_window
from optical_memory.recall.window.sheet_window import PAYS
from optical_memory.redaction.redact import NO_REDACTION, Redaction
from optical_memory.search.meaning import Embedder
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.records import PageRecord, put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import PageInfo, StoredPage, page_info
from optical_memory.session.token_cache import TokenCache
from optical_memory.sheets.sheet import drop_drawn_sheets
from optical_memory.stores.locks import ForkLock
from optical_memory.stores.turn_time import TURN_SECONDS, in_turn, turn_time
from optical_memory.telemetry.event_table import RECALL_NOT_COUNTED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.measuring import measured_by

__all__ = [
    "SessionView",
]


class SessionView:
    """A session as it reads now.

    It writes a single thing: how often each page was recalled, if the policy uses that.
    `budget` is in tokens of the agent's window, `capacity` in tokens that the store keeps.
    `deadline` is how long a turn may wait for the store in all its calls (seconds): then it raises
    `StoreTimeout`. With None each call has only the deadline of the store.
    """

    capacity: int | None = None
    deadline: float | None = TURN_SECONDS
    _redaction: Redaction = NO_REDACTION

    def __init__(
        self,
        cache: TokenCache,
        policy: ForgettingPolicy,
        budget: int,
        embedder: Embedder | None = None,
    ) -> None:
        self.session = cache.archive.session
        self.store = cache.archive.raw_store
        self.reader = cache.reader
        self.codec = cache.codec
        self.policy = policy
        self.budget = budget
        self._archive = cache.archive
        self._cache = cache
        self._page_reader = PageReader(cache)
        self._finder = Finder(embedder)
        self._embedder = embedder
        self._billing = ForkLock()
        self.bill: Bill | None = None

    def add_bill(self, bill: Bill) -> None:
        """Add the bill of a request that an agent made with this memory; `stats` shows the sum."""
        with self._billing:
            self.bill = (self.bill or Bill()) + bill

    @property
    def guard(self) -> GuardPolicy | None:
        """What becomes of words of tools that may be instructions; None: nobody looks for them."""
        return self._page_reader.guard.policy

    def sessions(self) -> list[str]:
        """The names of all sessions in the store."""
        return self.store.sessions()

    # ---- recalling -------------------------------------------------------------------------------

    @measured_by(count_recall)
    def recall(
        self,
        query: str,
        k: int = 3,
        *,
        after: date | None = None,
        before: date | None = None,
        superseded: bool | None = None,
        deadline: float | None = None,
    ) -> Recollections:
        """The `k` turns that say most about `query`, best first, as they read now.

        A long turn gives the piece that says most. With `after` or `before`, only turns from that
        day on, or until that day, are looked at.

        In place of a turn that was superseded comes the turn that is current. With `superseded`,
        the superseded turn comes too, marked. By default it does so if the question asks about the
        past ("before", "used to", "first") or there are limits of days.

        With a `deadline` it ends after so many seconds and gives the passages that it could read by
        then: `is_complete` is False if these are not all, and `n_unread` counts the others.

        >>> with OpticalMemory("alice", store="sqlite:///memory.db") as memory:
        ...     _ = memory.remember(Turn("user", "The gate code is 4417#.", id="m1"))
        ...     [(page.provenance, page.text) for page in memory.recall("gate code?")]
        [('[original text]', 'The gate code is 4417#.')]

        Raises `InputError` if `k` is below 1, a day is no date or the deadline is not above 0.
        Raises `StoreError` if a page is damaged, and `StoreTimeout` if the store does not answer
        within `self.deadline` and no other deadline was given.
        """
        require_text("query", query)
        require_number("k", k, minimum=1)
        if deadline is not None and not (is_amount(deadline) and deadline > 0):
            raise InputError(f"deadline must be above 0 seconds, not {deadline!r}")
        query = self._redaction.query(query)
        limits = TimeLimits(after, before)
        asks_for_older = after is not None or before is not None or asks_about_past(query)
        keeps_superseded = asks_for_older if superseded is None else superseded

        def answer(snapshot: Snapshot) -> Recollections:
            ranking = self._finder.rank(snapshot, query, limits, small_talk=True)
            index = self._finder.index(snapshot)
            current = CurrentTurns(snapshot, index, limits, keeps_superseded=keeps_superseded)
            turns = current.of_turns(choose_turns(current.of_ranking(ranking), k), k)
            groups = [stretches(turn)[0] for turn in turns]
            in_time = deadline is not None
            passages = read_passages(Sources(snapshot), self._page_reader, groups, in_time=in_time)
            return with_exact_costs(passages)

        with turn_time(deadline or self.deadline, by_clock=deadline is not None):
            try:
                recollections = self._archive.read(answer)
            except StoreTimeout:
                if deadline is None:
                    raise
                return Recollections(is_complete=False)
            if self._counts_hits:
                self._count_hits(set(chain(*(passage.pages for passage in recollections))))
        return recollections

    @property
    def _counts_hits(self) -> bool:
        """True if the policy uses the number of recalls: each recall writes to the store."""
        has_weights = self.capacity is not None and self.policy.weights.per_hit > 0
        return has_weights or self.policy.pages_per_hit > 0

    def _count_hits(self, ids: set[str]) -> None:
        def change(snapshot: Snapshot) -> tuple[list[Change], None]:
            records = [snapshot.pages[id] for id in sorted(ids) if id in snapshot.pages]
            return [put(r.model_copy(update={"hits": r.hits + 1})) for r in records], None

        try:
            self._archive.update(change)
        except StoreError as error:  # the answer is there, whatever becomes of the count
            emit(RECALL_NOT_COUNTED, session=self.session, error=error)

    @measured_by(count_context)
    @in_turn
    def context(
        self,
        query: str | None = None,
        budget: int | None = None,
        mode: Mode = "text",
        *,
        provider: str | None = None,
        host: HostProfile | str | None = None,
        model: object | None = None,
        margin: float | None = None,
        superseded: bool | None = None,
        shown: Collection[str] | None = None,
    ) -> Context:
        """The window of an agent: recent turns, and passages about `query`, or the newest turns.

        >>> with OpticalMemory("alice", store="sqlite:///memory.db") as memory:
        ...     _ = memory.remember(Turn("user", "Where is my key?", id="m2"))
        ...     memory.context("key", budget=100).to_messages()[-1]
        {'role': 'user', 'content': 'Where is my key?'}

        It costs at most `budget` tokens. In mode "auto", passages are drawn on sheets if `model`
        (an id or a chat model) or `host` (a profile or its name) is known to read them, and their
        text would cost 1.5 times as much; in mode "image", if it would cost more at all. All other
        models get text. Mode "tokens" gives visual tokens of whole pages; mode "image" with a
        `provider` gives stored pages, drawn for the reader, at its price.

        A window is not filled for its own sake: passages that score more than `margin`
        below the best stay out (by default 4.5, or 5.3 with vectors; `math.inf` fills it). What
        was superseded comes as in `recall`, with a mark that the model reads. A host that shows
        turns by itself gives their ids as `shown`: the window then has passages of others only.

        Raises `BudgetTooSmall` if the last user turn alone does not fit. Raises `InputError` for a
        negative budget or margin, an unknown mode, host or provider, or a host and a provider.
        """
        if query is not None:
            require_text("query", query)
            query = self._redaction.query(query) or None
        limit = self.budget if budget is None else budget
        require_number("budget", limit, minimum=0)
        require_word("mode", mode, get_args(Mode))
        if provider is not None:
            require_word("provider", provider, IMAGE_PRICES)
        profile = resolve_host(host, model) if mode in ("auto", "image") else None
        if provider is not None and profile is not None:
            raise InputError("name a host or a provider: a provider is for stored pages alone")
        if margin is not None and not is_amount(margin):
            raise InputError(f"margin must be a number from 0 on, not {margin!r}")
        keeps_superseded = asks_about_past(query or "") if superseded is None else superseded
        return self._archive.read(
            lambda snapshot: fill_window(
                snapshot,
                self._finder,
                self._page_reader,
                query=query,
                budget=limit,
                mode=mode,
                provider=provider,
                host=profile,
                min_ratio=PAYS if mode == "auto" else 1.0,
                margin=margin,
                superseded=keeps_superseded,
                shown=shown,
            )
        )

    def _drop_readings(self) -> None:
        """Drop what this process keeps of readings: something was forgotten."""
        self._page_reader.drop_readings()
        drop_drawn_sheets()

    # ---- pages -----------------------------------------------------------------------------------

    @in_turn
    def pages(self) -> list[PageInfo]:
        """The pages of the session, the oldest first."""
        ladder = self.reader.profile.ladder
        return [page_info(record, ladder) for record in self._archive.snapshot().pages.values()]

    @in_turn
    def read(self, page: str) -> Recollection:
        """A page as it reads now. Raises `Forgotten` if it is forgotten or never was."""
        require_text("page", page)
        return self._archive.read(lambda snapshot: self._page_reader.read_guarded(snapshot, page))

    @in_turn
    def inspect(self, page: str) -> StoredPage:
        """Everything that the store has of a page.

        Raises `Forgotten` if there never was such a page.
        """
        snapshot = self._archive.snapshot()
        return StoredPage.of(self._record(snapshot, page), snapshot)

    @in_turn
    def picture(self, page: str, rung: str | None = None) -> bytes:
        """The stored PNG of a page at a rung, by default the page's own.

        A page that is still text has no rung of its own; its finest picture is given. Raises
        `Forgotten` if there never was such a page, `StoreError` if it has no such picture, and
        `KeyError` if the reader has no such rung.
        """
        record = self._record(self._archive.snapshot(), page)
        name = rung or record.rung or self.reader.profile.ladder[0].name
        if rung is None and name not in self.reader.profile.ladder.names:
            return self._cache.stored_picture(record, name)  # another reader's
        return self._cache.picture(record, self.reader.profile.rung(name))

    def _record(self, snapshot: Snapshot, page: str) -> PageRecord:
        require_text("page", page)
        if page not in snapshot.pages:
            raise Forgotten(f"no page {page!r} in session {self.session!r}")
        return snapshot.pages[page]

    arecall = in_thread(recall)
    acontext = in_thread(context)

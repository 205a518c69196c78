"""Background work of a session: the pieces that are done; `Worker` is the thread that does them.

Nobody waits for this work: turns are durable before it begins, and are read as text until it is
done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from optical_memory.errors import ReaderMismatch, SessionLost, StoreError, require_number
from optical_memory.ledger import LedgerScope
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.certify import (
    CertifiedPage,
    certify,
    keep_certificate,
    next_to_certify,
    pages_to_certify,
)
from optical_memory.session.condensing.condenser import Condenser
from optical_memory.session.condensing.run_text import ReadPage
from optical_memory.session.counts.arrivals import Arrivals
from optical_memory.session.counts.backlog import Backlog, pages_to_seal
from optical_memory.session.erasing.expire import expire_turns, expired_turns, is_doubtful
from optical_memory.session.erasing.mark import finish_cut_short
from optical_memory.session.facts.other_readers import own_states
from optical_memory.session.fade import FadePreview, fade, page_states, preview
from optical_memory.session.forgetting.plan import Step, plan
from optical_memory.session.forgetting.policy import CONDENSED, FORGOTTEN, STUB, ForgettingPolicy
from optical_memory.session.index_records import merge_index
from optical_memory.session.records import PageRecord, Retain
from optical_memory.session.seal import may_seal, page_rows, rows_to_seal, seal, with_index
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache
from optical_memory.telemetry.event_table import PAGE_OF_OTHER_READER, PAGES_LOST, TURNS_EXPIRED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.measuring import operation

__all__ = [
    "Progress",
    "Upkeep",
    "no_progress",
]

LOOK_SECONDS = 3600.0
"""How often all turns are looked at for the term, which counts days."""

Progress = Callable[[str, int, int], None]
"""Long work tells how far it is: `progress(step, n_done, n_total)`, the step in words."""


def no_progress(step: str, n_done: int, n_total: int) -> None:
    """Tell nobody."""


class Upkeep:
    """Seals, certifies and fades the pages of one session, a piece at a time.

    With `read_page` pages are condensed too, if the policy says so and their text is not kept.
    `on_expiry` is called when turns past the term were erased.
    """

    def __init__(
        self,
        cache: TokenCache,
        renderer: PageRenderer,
        *,
        policy: ForgettingPolicy,
        capacity: int | None,
        retain: Retain,
        ledger: LedgerScope,
        keep_turns: int,
        read_page: ReadPage | None = None,
        on_expiry: Callable[[], None] | None = None,
    ) -> None:
        self._on_expiry = on_expiry
        self._next_look = 0.0  # of `time.monotonic`: when turns past the term are looked for again
        self._first_new_turn = 0
        self.policy = policy
        self.capacity = capacity
        self.retain: Retain = retain
        self.keep_turns = keep_turns
        self.ledger: LedgerScope = ledger
        self._cache = cache
        self._archive = cache.archive
        self._profile = cache.reader.profile
        self._renderer = renderer
        self._has_warned = False
        self._pages_of_others: set[tuple[str, str]] = set()  # ids and digests of sealed pages
        self._condenser: Condenser | None = None
        if read_page is not None and policy.condense and retain == "pages":
            self._condenser = Condenser(cache, renderer, read_page, policy.floor)

    def work(self) -> bool:
        """Do a piece of each kind; False if there was none."""
        finish_cut_short(self._archive)
        self._expire_in_time()
        has_sealed = self.seal()  # and certify in every round, so that neither waits for the other
        has_certified = self.certify()
        has_merged = self._archive.replace(merge_index)
        return has_sealed or has_certified or has_merged

    def seal(self) -> bool:
        """Seal the next full pages; False if there are none."""

        def prepare(snapshot: Snapshot) -> Sequence[Change]:
            return seal(snapshot, self._renderer, self._profile, self.retain, self.keep_turns)

        if not may_seal(self._archive.snapshot(), self._profile.grid, self.keep_turns):
            return False  # nothing near a full page
        with operation("seal", self._archive.session):
            return self._archive.replace(prepare, with_index)

    def certify(self) -> bool:
        """Certify the oldest page that waits for it, then fade the pages that are due.

        False if no page waits. The other pages wait as text: that is the back-pressure.
        """
        page = next_to_certify(self._archive.snapshot(), self._pages_of_others)
        if page is None:
            return False
        with operation("certify", self._archive.session), self._unless_changed(page.record):
            self._certify(page)
            self.fade()
        return True

    def _leave(self, record: PageRecord) -> None:
        """Leave a page whose pictures were drawn for another reader: it stays text until then."""
        emit(PAGE_OF_OTHER_READER, session=self._archive.session, page=record.id)
        self._pages_of_others.add((record.id, record.digest))

    def _certify(self, page: StoredPage) -> None:
        if page.page is None:
            return
        try:
            result = certify(
                page,
                page.page,
                self._cache,
                scope=self.ledger,
                stub_tokens=self.policy.stub_tokens,
            )
        except (ReaderMismatch, StoreError) as error:
            if isinstance(error, SessionLost) or not self._is_of_other(page.record, error):
                raise
            self._leave(page.record)
            return
        self._keep(page.record, result)

    def _is_of_other(self, record: PageRecord, error: Exception) -> bool:
        """True if another reader drew the page: at other rungs, or at rungs of another size."""
        if isinstance(error, ReaderMismatch):
            return True
        names = self._archive.drawn_rungs(record.id)
        return not names <= set(self._profile.ladder.names)

    def _keep(self, page: PageRecord, result: CertifiedPage) -> None:
        def change(snapshot: Snapshot) -> tuple[Sequence[Change], None]:
            changes = keep_certificate(
                snapshot, page, result, self._profile, self.retain, self.policy.floor
            )
            return changes, None

        self._archive.update(change)

    @contextmanager
    def _unless_changed(self, record: PageRecord) -> Iterator[None]:
        """Ignore a `StoreError` if the page changed meanwhile: its picture is gone on purpose."""
        try:
            yield
        except SessionLost:
            raise
        except StoreError:
            page = self._archive.snapshot().pages.get(record.id)
            if page is not None and (page.state, page.digest) == (record.state, record.digest):
                raise

    def backlog(self, snapshot: Snapshot, arrivals: Arrivals) -> Backlog:
        """The pages that wait, and how long the oldest has waited."""
        grid = self._profile.grid
        rows = rows_to_seal(snapshot, grid, self.keep_turns)
        n_to_seal, last_turn = pages_to_seal(rows, page_rows(grid))
        last_turns = [] if last_turn is None else [last_turn]
        sealed = list(pages_to_certify(snapshot, self._pages_of_others))
        last_turns += [max(map(int, page.terms)) for page in sealed[:1] if page.terms]
        n_to_fade = len(self._due(snapshot, None))
        if n_to_fade:
            last_turns.append(max(snapshot.session.next_turn - 1 - self.keep_turns, 0))
        ages = [arrivals.age(ordinal + self.keep_turns) for ordinal in last_turns]
        return Backlog(n_to_seal, len(sealed), n_to_fade, max(ages, default=0.0))

    def preview(self, capacity: int | None = None) -> FadePreview:
        """What `fade` would do now."""
        snapshot = self._archive.snapshot()
        steps = self._due(snapshot, capacity)
        counts = preview(snapshot, steps, self._profile, self.policy, self.retain)
        return replace(counts, n_turns=self._n_expired(snapshot))

    def _n_expired(self, snapshot: Snapshot) -> int:
        keep_for = self.policy.keep_for
        now = datetime.now(UTC)
        if keep_for is None or is_doubtful(snapshot.session, now):
            return 0
        return len(expired_turns(snapshot, keep_for, now))

    def expire(self) -> int:
        """Erase the turns past the policy's term; gives how many went."""
        return self._expire(0)

    def _expire_in_time(self) -> None:
        """The same for new turns, and for all turns once an hour."""
        if self.policy.keep_for is None:
            return
        is_time = time.monotonic() >= self._next_look
        next_turn = self._archive.snapshot().session.next_turn
        if is_time or next_turn != self._first_new_turn:
            self._expire(0 if is_time else self._first_new_turn)

    def _expire(self, first: int) -> int:
        keep_for = self.policy.keep_for
        if keep_for is None:
            return 0
        n_turns = expire_turns(self._archive, self._profile, keep_for, datetime.now(UTC), first)
        self._first_new_turn = self._archive.snapshot().session.next_turn
        if first == 0:
            self._next_look = time.monotonic() + LOOK_SECONDS
        if n_turns:
            emit(TURNS_EXPIRED, session=self._archive.session, n_turns=n_turns)
            if self._on_expiry is not None:
                self._on_expiry()
        return n_turns

    def _due(self, snapshot: Snapshot, capacity: int | None) -> list[Step]:
        limit = self.capacity if capacity is None else capacity
        if limit is not None:
            require_number("capacity", limit, minimum=0)
        ladder = self._profile.ladder
        states = own_states(page_states(snapshot, with_costs=limit is not None), ladder)
        policy = self.policy
        if policy.keep_for is not None and is_doubtful(snapshot.session, datetime.now(UTC)):
            policy = replace(policy, keep_for=None)
        if self._condenser is None:
            policy = replace(policy, condense=False)
        elif limit is not None:
            states = self._condenser.mark(snapshot, states)
        return plan(states, limit, policy, ladder)

    def fade(self, capacity: int | None = None) -> list[Step]:
        """Fade the pages that are due by age, or by `capacity` in tokens; the steps taken.

        Runs of pages that the plan condenses are read first, and each is a commit of its own. The
        first time that pages lose their last picture, or sentences, the log has a warning.
        """
        with operation("fade", self._archive.session) as fading:
            steps = self._fade(capacity)
            fading.note(optical_memory__pages=len(steps))
        return steps

    def _fade(self, capacity: int | None) -> list[Step]:
        ladder = self._profile.ladder

        def change(snapshot: Snapshot) -> tuple[Sequence[Change], list[Step]]:
            steps = self._due(snapshot, capacity)
            return fade(snapshot, steps, self._profile, self.policy, self.retain), steps

        snapshot, steps = self._archive.update(change)
        self._warn_of_loss(steps)
        # Tokens go after the records: whoever caches them meanwhile sees that the page has faded.
        for step in steps:
            if step.rung != CONDENSED:
                self._cache.drop(snapshot.pages[step.page], ladder.finer(step.rung))
        self._expire(0)
        if self._condenser is None:
            return steps
        n_unsure = len(self._condenser.unsure)
        steps = self._condenser.take(steps, self._certify_page)
        if len(self._condenser.unsure) > n_unsure:  # the plan goes on without these pages
            steps += self._fade(capacity)
        return steps

    def _certify_page(self, id: str) -> None:
        """Certify a page before the others that wait."""
        snapshot = self._archive.snapshot()
        record = snapshot.pages.get(id)
        if record is not None and record.state == "sealed":
            with self._unless_changed(record):
                self._certify(StoredPage.of(record, snapshot))

    def _warn_of_loss(self, steps: Sequence[Step]) -> None:
        n_lost = sum(step.rung in (STUB, FORGOTTEN, CONDENSED) for step in steps)
        if not n_lost or self._has_warned or self.retain == "text":
            return
        self._has_warned = True
        emit(PAGES_LOST, session=self._archive.session, n_pages=n_lost)

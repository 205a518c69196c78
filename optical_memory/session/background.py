"""Background work of a session: the pieces that are done, and the thread that does them.

Nobody waits for this work: turns are durable before it begins, and are read as text until it is
done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from optical_memory.errors import SessionLost, StoreError, require_number
from optical_memory.ledger import LedgerScope
from optical_memory.readers.threads import wait_passively
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.certify import (
    CertifiedPage,
    certify,
    keep_certificate,
    next_to_certify,
)
from optical_memory.session.condensing.condenser import Condenser
from optical_memory.session.condensing.run_text import ReadPage
from optical_memory.session.erasing.mark import finish_cut_short
from optical_memory.session.fade import FadePreview, fade, page_states, preview
from optical_memory.session.forgetting.plan import Step, plan
from optical_memory.session.forgetting.policy import CONDENSED, FORGOTTEN, STUB, ForgettingPolicy
from optical_memory.session.index_records import merge_index
from optical_memory.session.records import PageRecord, Retain
from optical_memory.session.seal import seal
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache

__all__ = [
    "Progress",
    "Upkeep",
    "Worker",
    "no_progress",
]

log = logging.getLogger("optical_memory")

Progress = Callable[[str, int, int], None]
"""Long work tells how far it is: `progress(step, n_done, n_total)`, the step in words."""


def no_progress(step: str, n_done: int, n_total: int) -> None:
    """Tell nobody."""


class Upkeep:
    """Seals, certifies and fades the pages of one session, a piece at a time.

    With `read_page` pages are condensed too, if the policy says so and their text is not kept.
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
    ) -> None:
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
        self._condenser: Condenser | None = None
        if read_page is not None and policy.condense and retain == "pages":
            self._condenser = Condenser(cache, renderer, read_page, policy.floor)

    def work(self) -> bool:
        """Do a piece of each kind; False if there was none."""
        finish_cut_short(self._archive)
        has_sealed = self.seal()  # and certify in every round, so that neither waits for the other
        has_certified = self.certify()
        has_merged = self._archive.replace(merge_index)
        return has_sealed or has_certified or has_merged

    def seal(self) -> bool:
        """Seal the next full pages; False if there are none."""

        def prepare(snapshot: Snapshot) -> Sequence[Change]:
            return seal(snapshot, self._renderer, self._profile, self.retain, self.keep_turns)

        return self._archive.replace(prepare)

    def certify(self) -> bool:
        """Certify the oldest page that waits for it, then fade the pages that are due.

        False if no page waits. The other pages wait as text: that is the back-pressure.
        """
        page = next_to_certify(self._archive.snapshot())
        if page is None:
            return False
        with self._unless_changed(page.record):
            self._certify(page)
            self.fade()
        return True

    def _certify(self, page: StoredPage) -> None:
        if page.page is not None:
            result = certify(
                page,
                page.page,
                self._cache,
                scope=self.ledger,
                stub_tokens=self.policy.stub_tokens,
            )
            self._keep(page.record, result)

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

    def preview(self, capacity: int | None = None) -> FadePreview:
        """What `fade` would do now."""
        snapshot = self._archive.snapshot()
        steps = self._due(snapshot, capacity)
        return preview(snapshot, steps, self._profile, self.policy, self.retain)

    def _due(self, snapshot: Snapshot, capacity: int | None) -> list[Step]:
        limit = self.capacity if capacity is None else capacity
        if limit is not None:
            require_number("capacity", limit, minimum=0)
        states = page_states(snapshot, with_costs=limit is not None)
        policy = self.policy
        if self._condenser is None:
            policy = replace(policy, condense=False)
        elif limit is not None:
            states = self._condenser.mark(snapshot, states)
        return plan(states, limit, policy, self._profile.ladder)

    def fade(self, capacity: int | None = None) -> list[Step]:
        """Fade the pages that are due by age, or by `capacity` in tokens; the steps taken.

        Runs of pages that the plan condenses are read first, and each is a commit of its own. The
        first time that pages lose their last picture, or sentences, the log has a warning.
        """
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
        if self._condenser is None:
            return steps
        n_unsure = len(self._condenser.unsure)
        steps = self._condenser.take(steps, self._certify_page)
        if len(self._condenser.unsure) > n_unsure:  # the plan goes on without these pages
            steps += self.fade(capacity)
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
        log.warning(
            "session %r: %d pages lost their last picture or all but their best sentences, by the "
            "capacity or the policy's term, and more may; `plan` tells before, `stats` counts them",
            self._archive.session,
            n_lost,
        )


class Worker:
    """Runs `work` on a thread of its own, which starts when it is first needed.

    `work` does a piece and returns True if there may be more. `problem` is the last error in words;
    it is None after work that went well.
    """

    def __init__(self, work: Callable[[], bool], name: str) -> None:
        self.problem: str | None = None
        self._work = work
        self._name = name
        # One condition for all fields below: whoever waits is woken by any change of them.
        self._state = threading.Condition()
        self._has_work = False
        self._is_busy = False
        self._is_stopped = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def has_started(self) -> bool:
        """True if the thread was ever needed."""
        return self._thread is not None

    def wake(self) -> None:
        """Start the thread, or wake it. Nothing happens after `stop`."""
        with self._state:
            if self._is_stopped:
                return
            self._has_work = True
            if self._thread is None:
                wait_passively()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._state.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do.

        Returns False if work is left after `timeout` seconds. Raises the error that ended the work.
        """
        with self._state:
            if not self._state.wait_for(self._is_idle, timeout):
                return False
            error = self._error
            self._error = None
        if error is not None:
            raise error
        return True

    def _is_idle(self) -> bool:
        return self._is_stopped or not (self._has_work or self._is_busy)

    def stop(self) -> None:
        """Stop after the piece at hand and wait for the thread to end."""
        with self._state:
            self._is_stopped = True
            self._has_work = False
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._sleep():
            try:
                while not self._is_stopped and self._work():
                    pass
                self._settle(None)
            except Exception as error:  # noqa: BLE001  # `wait` raises it; the thread goes on
                log.warning(
                    "background work stopped, nothing is lost: %s: %s", type(error).__name__, error
                )
                self._settle(error)

    def _sleep(self) -> bool:
        """Wait for work; False if told to stop."""
        with self._state:
            self._state.wait_for(lambda: self._has_work or self._is_stopped)
            self._has_work = False
            self._is_busy = not self._is_stopped
            return self._is_busy

    def _settle(self, error: Exception | None) -> None:
        with self._state:
            self._is_busy = False
            self._error = error or self._error  # an error stays until `wait` has raised it
            self.problem = None if error is None else f"{type(error).__name__}: {error}"
            self._state.notify_all()

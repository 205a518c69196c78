"""Condenses the runs of a plan, one commit a run: nobody waits while their pages are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from optical_memory.errors import ReadingFailed, SessionLost, StoreError
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.condensing.condense import condense
from optical_memory.session.condensing.run_text import (
    PageText,
    ReadPage,
    is_sure_enough,
    stands_on_pages,
)
from optical_memory.session.facts.stubs import TermPages
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import PageState
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.token_cache import TokenCache
from optical_memory.telemetry.event_table import PAGE_NOT_CONDENSED
from optical_memory.telemetry.events import emit

__all__ = [
    "Condenser",
]


@dataclass
class Condenser:
    """Draws the best sentences of runs of pages on one page each.

    `read_page` reads a page as it is now. Pages that cannot be read for sure are kept in `unsure`,
    by id and digest: they are not condensed, and no longer tried.
    """

    cache: TokenCache
    renderer: PageRenderer
    read_page: ReadPage
    floor: float
    unsure: set[tuple[str, str]] = field(default_factory=set)

    def mark(self, snapshot: Snapshot, states: Sequence[PageState]) -> list[PageState]:
        """The pages, with a mark on those that are unsure or have an open turn."""
        pages = {id for id, digest in self.unsure if _has_digest(snapshot, id, digest)}
        for turn in snapshot.open_turns():
            pages.update(turn.pages)
        return [
            replace(state, can_condense=False) if state.page in pages else state for state in states
        ]

    def take(self, steps: Sequence[Step], certify: Callable[[str], None]) -> list[Step]:
        """Condense the runs of these steps, and certify each new page.

        Gives the steps that were taken, and those that condense nothing.
        """
        runs = _runs_of(steps)
        if not runs:
            return list(steps)
        index = TermPages.of(self.cache.archive.snapshot())
        homes: set[str] = set()
        for run in runs:
            if self.condense(run, index):
                homes.add(run[0])
                certify(run[0])
        return [step for step in steps if step.into is None or step.into in homes]

    def condense(self, run: Sequence[str], index: TermPages) -> bool:
        """Condense the pages of a run in one commit; `index` says how rare words are.

        False if a page has changed since the plan, or is not read for sure.
        """
        archive = self.cache.archive
        profile = self.cache.reader.profile
        texts: dict[tuple[str, str], PageText] = {}
        pages: list[PageRecord] = []

        def prepare(snapshot: Snapshot) -> Sequence[Change]:
            pages[:] = [snapshot.pages[id] for id in run if id in snapshot.pages]
            if len(pages) < len(run) or not all(map(_may_be_condensed, pages)):
                return []
            for page in pages:
                key = (page.id, page.digest)
                text = texts.get(key) or self._read(snapshot, page)
                if text is None:
                    return []
                texts[key] = text
            page_texts = [texts[page.id, page.digest] for page in pages]
            return condense(snapshot, pages, page_texts, index, self.renderer, profile, self.floor)

        if not archive.replace(prepare):
            return False
        # Tokens go after the records: whoever caches them meanwhile sees that the page has gone.
        for page in pages:
            self.cache.drop(page, profile.ladder)
        return True

    def _read(self, snapshot: Snapshot, page: PageRecord) -> PageText | None:
        """The page's text; None if it has changed meanwhile, or is not read for sure."""
        if not stands_on_pages(snapshot, page.id):
            self._give_up(page, "a turn on it is not on pages alone")
            return None
        try:
            text = self.read_page(snapshot, page.id)
        except SessionLost:
            raise
        except (ReadingFailed, StoreError) as error:
            latest = self.cache.archive.snapshot().pages.get(page.id)
            has_changed = latest is None or latest.digest != page.digest or latest.rung != page.rung
            if not has_changed:
                self._give_up(page, str(error))
            return None
        if not is_sure_enough(text):
            self._give_up(page, "it is not read for sure")
            return None
        return text

    def _give_up(self, page: PageRecord, reason: str) -> None:
        emit(
            PAGE_NOT_CONDENSED,
            session=self.cache.archive.session,
            page=page.id,
            reason=reason,
        )
        self.unsure.add((page.id, page.digest))


def _runs_of(steps: Sequence[Step]) -> list[list[str]]:
    """The pages of each run that is to be condensed, the page that stays first."""
    runs: dict[str, list[str]] = {}
    for step in steps:
        if step.into is not None:
            runs.setdefault(step.into, []).append(step.page)
    return list(runs.values())


def _has_digest(snapshot: Snapshot, page: str, digest: str) -> bool:
    record = snapshot.pages.get(page)
    return record is not None and record.digest == digest


def _may_be_condensed(page: PageRecord) -> bool:
    return page.state == "certified" and not page.pinned

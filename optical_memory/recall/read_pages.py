"""Reading on demand: pages of a session, whole or in part.

A page whose text is kept is read from that text. Any other page is decoded from its visual tokens,
and the exact facts of its ledger are put over the reading. Of a page that is read in part, only
the rows that hold the part are decoded, and they are kept for the next time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from optical_memory.counting import count_tokens
from optical_memory.errors import Forgotten, StoreError, StoreTimeout
from optical_memory.profiles import Rung
from optical_memory.recall.opened.decoding import UNREADABLE, RowDecoder, Rows, Task
from optical_memory.recall.opened.guard import Guard
from optical_memory.recall.opened.parsed_pages import ParsedPages
from optical_memory.recall.page_ranges import PageRanges, RangeReading, text_range
from optical_memory.recall.reading_cache import (
    Picture,
    ReadingCache,
    shared_readings,
)
from optical_memory.recall.recollection import OTHER_READER, Recollection
from optical_memory.session.corrections.versions import host_ids
from optical_memory.session.facts.stubs import stub_text
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache
from optical_memory.tokens import VisualTokens

__all__ = [
    "PageReader",
    "RangeReading",
    "rung_of",
]

WHOLE = (0, sys.maxsize)
"""A range that holds any page."""

Range = tuple[int, int]  # start, end


class PageReader:
    """Reads the pages of one session with the reader and the codec of its token cache.

    Rows that were read are kept in `readings`, by default with those of the whole process. Threads
    may share a page reader. Passages that are read with it go by its `guard`.
    """

    def __init__(self, cache: TokenCache, readings: ReadingCache | None = None) -> None:
        self.reader = cache.reader
        self.guard = Guard()
        self._cache = cache
        self._own_readings = readings
        self._parsed_pages: ParsedPages | None = None
        self._decoder = RowDecoder(cache)

    def read(self, snapshot: Snapshot, id: str) -> Recollection:
        """A whole page as it reads now. Its picture is decoded again.

        Raises `Forgotten` for a page that is forgotten or never was. Raises `StoreError` if a
        record or picture is missing or damaged, also if the page fades or goes while it is read.
        """
        page = self._open(snapshot, id)
        view = self._view(page)
        if view is None:
            reading = text_range(_text(page), *WHOLE, page.erased_spans)
        else:
            reading = view.reading(*WHOLE, self._whole_page(view))
        return Recollection(
            page=id,
            text=reading.text,
            spans=reading.spans,
            rung=OTHER_READER if reading.is_unread else rung_of(page.record),
            score=0.0,
            n_tokens=count_tokens(reading.text),
            turns=_turn_ids(snapshot, page),
            ordinal=page.record.ordinal,
        )

    def read_guarded(self, snapshot: Snapshot, id: str) -> Recollection:
        """As `read`, for an agent: the guard has looked at it."""
        layout = self._open(snapshot, id).layout
        page = self.read(snapshot, id)
        return page if layout is None else self.guard.checked_page(page, layout, snapshot)

    def read_ranges(
        self,
        snapshot: Snapshot,
        ranges: Mapping[str, Sequence[Range]],
        *,
        in_time: bool = False,
    ) -> dict[str, list[RangeReading]]:
        """Ranges (start, end) of pages' texts as they read now, by page id, in the order given.

        Each is what the whole page gives for that range. A range of a stub is a range of its
        keywords and facts. With `in_time`, pages that the turn has no time to read are left out.
        Raises as `read`.
        """
        self._parsed(snapshot)  # even if nothing is read, old readings are dropped
        pages = {id: self._open(snapshot, id) for id in ranges}
        views = {id: self._view(page) for id, page in pages.items()}
        places = {id: (view, ranges[id]) for id, view in views.items() if view}
        rows = self._rows(places, in_time=in_time)
        readings: dict[str, list[RangeReading]] = {}
        for id, page in pages.items():
            view = views[id]
            if view is not None and id not in rows:
                continue
            if view is not None:
                readings[id] = [view.reading(*range, rows[id]) for range in ranges[id]]
                continue
            text = _text(page)
            readings[id] = [text_range(text, *range, page.erased_spans) for range in ranges[id]]
        return readings

    def drop_readings(self) -> None:
        """Drop all that is kept of the session's pages: for whoever forgets, afterwards."""
        self._parsed_pages = None
        self._readings.drop(self._readings.pictures(self._cache.archive.session))

    def picture(self, record: PageRecord, rung: Rung) -> bytes:
        """The stored PNG of a page. Raises `StoreError` if there is none at this rung."""
        return self._cache.picture(record, rung)

    def tokens(self, record: PageRecord, rung: Rung) -> VisualTokens:
        """The visual tokens of a page. Raises `StoreError` as `TokenCache.tokens`."""
        (tokens,) = self._cache.tokens([record], rung)
        return tokens

    def _whole_page(self, view: PageRanges) -> Rows | None:
        """All rows of a page, read anew; None if it was drawn for another reader."""
        rung = self._rung(view.page)
        if rung is None:
            return None
        return self._decoder.rows([Task(view, rung, view.rows_to_read([WHOLE]))])[0]

    # ---- stored pages ----------------------------------------------------------------------------

    def _open(self, snapshot: Snapshot, id: str) -> StoredPage:
        session = self._cache.archive.session
        record = snapshot.pages.get(id)
        if record is None:
            raise Forgotten(f"no page {id!r} in session {session!r}")
        if not record.readable:
            raise Forgotten(f"forgotten: page {id} of session {session!r}")
        return self._parsed(snapshot).page(record, snapshot)

    def _parsed(self, snapshot: Snapshot) -> ParsedPages:
        """The parsed pages of this snapshot. If it is a new one, old readings are dropped."""
        parsed_pages = self._parsed_pages
        if parsed_pages is None or not parsed_pages.are_of(snapshot):
            parsed_pages = ParsedPages(snapshot)
            self._parsed_pages = parsed_pages
            self._readings.drop_stale(self._cache.archive.session, snapshot)
        return parsed_pages

    def _view(self, page: StoredPage) -> PageRanges | None:
        """The page's ranges if they are read from its picture; None if its text is in hand."""
        if not page.needs_decoding or page.layout is None:
            return None
        return PageRanges(page, page.layout, self._maker)

    def _rung(self, page: StoredPage) -> Rung | None:
        """The page's rung; None if only another reader has it."""
        if page.record.rung is None:
            raise _nothing_to_read(page)
        for rung in self.reader.profile.ladder:
            if rung.name == page.record.rung:
                return rung
        return None

    @property
    def _maker(self) -> tuple[str, str, str]:
        """(reader, revision, codec)."""
        profile = self.reader.profile
        return profile.id, profile.revision, self._cache.codec.name

    # ---- rows ------------------------------------------------------------------------------------

    @property
    def _readings(self) -> ReadingCache:
        # Asked for each time: a forked process has readings of its own.
        return shared_readings() if self._own_readings is None else self._own_readings

    def _rows(
        self, views: Mapping[str, tuple[PageRanges, Sequence[Range]]], *, in_time: bool
    ) -> dict[str, Rows | None]:
        """The rows that hold these ranges, by page id: those that are kept, and others read now.

        None for a page that was drawn for another reader, or whose picture is damaged.
        """
        rows: dict[str, Rows | None] = {}
        tasks: list[Task] = []
        for id, (view, ranges) in views.items():
            rung = self._rung(view.page)
            if rung is None:
                rows[id] = None
                continue
            old_rows = self._readings.rows(self._picture_of(view.page))
            rows[id] = old_rows
            lines = [i for i in view.rows_to_read(ranges) if i not in old_rows]
            if lines:
                tasks.append(Task(view, rung, lines))
        new_rows = self._new_rows(tasks, in_time=in_time)
        for i, task in enumerate(tasks):
            id = task.view.page.record.id
            page_rows = new_rows.get(i)
            if i not in new_rows:
                del rows[id]
            else:
                rows[id] = None if page_rows is None else {**(rows[id] or {}), **page_rows}
        return rows

    def _new_rows(self, tasks: Sequence[Task], *, in_time: bool) -> dict[int, Rows | None]:
        """Rows that are read now, by the place of their task."""
        if not tasks:
            return {}
        if in_time:
            rows = self._decoder.rows_in_time(tasks)
        else:
            rows = dict(enumerate(self._decoder.rows(tasks, UNREADABLE)))
        new_rows = {tasks[i].view: page_rows for i, page_rows in rows.items() if page_rows}
        self._keep(new_rows)
        return rows

    def _keep(self, rows: Mapping[PageRanges, Rows]) -> None:
        """Keep rows for the next time, unless their pages have faded or gone meanwhile.

        The check must come last: whoever forgets changes the record first, and drops readings then.
        Without the time to check nothing is kept.
        """
        pictures = [self._picture_of(view.page) for view in rows]
        for picture, page_rows in zip(pictures, rows.values(), strict=True):
            self._readings.add(picture, page_rows)
        try:
            latest = self._cache.archive.snapshot()
        except StoreTimeout:
            self._readings.drop(pictures)
        except StoreError:
            self._readings.drop(pictures)
            raise
        else:
            self._readings.drop_unless_current(pictures, latest)

    def _picture_of(self, page: StoredPage) -> Picture:
        record = page.record
        session = self._cache.archive.session
        rung = record.rung or ""
        return Picture(session, record.id, record.digest, rung, page.erased_rows, self._maker)


def _text(page: StoredPage) -> str:
    """The text in hand: the page's own, or that of its stub."""
    record = page.record
    if page.page is not None:
        return page.page.text
    if record.state == "stub":
        return stub_text(record)
    raise _nothing_to_read(page)


def _nothing_to_read(page: StoredPage) -> StoreError:
    record = page.record
    return StoreError(
        f"page {record.id} is {record.state} but has neither text nor a picture to read"
    )


def rung_of(record: PageRecord) -> str | None:
    """The rung of the page's recollection: None if it was read from text."""
    if record.lines is not None:
        return None
    return "stub" if record.state == "stub" else record.rung


def _turn_ids(snapshot: Snapshot, page: StoredPage) -> tuple[str, ...]:
    """The hosts' ids of the turns on a page, each once."""
    if page.layout is not None:
        ids = [span.turn for span in page.layout.spans]
    else:
        ids = [turn.id for turn in snapshot.turns_on(page.record.id)]
    return tuple(dict.fromkeys(host_ids(snapshot, ids)))

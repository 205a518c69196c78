"""The window of an agent, filled from a session: recent turns, and passages about a question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from optical_memory.hosts.profile import HostProfile
from optical_memory.profiles import Rung
from optical_memory.recall.choose import Choice, choose_units, newest_units
from optical_memory.recall.current_turns import CurrentTurns
from optical_memory.recall.find import Finder
from optical_memory.recall.open_turns import open_part
from optical_memory.recall.passages import read_passages, split_at_pages, stretches
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.recollection import Recollection, Recollections
from optical_memory.recall.sources import Piece, Sources
from optical_memory.recall.window.assemble import Shown, Window
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.frame import LEAST_FRAME_TOKENS
from optical_memory.recall.window.newest import RECENT_SHARE
from optical_memory.recall.window.parts import PagePicture, PassagePart, TextPart
from optical_memory.recall.window.sheet_window import PAYS, SheetWindow
from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.renderers.inverse_marks import with_inverse_marks
from optical_memory.session.corrections.versions import (
    host_id_of,
    is_superseded,
    superseded_ordinals,
    turn_named,
)
from optical_memory.session.placing.turn_places import text_offset, turns_placed_on
from optical_memory.session.records import PageRecord, TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.turns import body

__all__ = [
    "fill_window",
]


OVERSHOOT = 1.02
"""Units are chosen for so much more than there is room for: their estimated costs are 2 to 3 % too
high (on LoCoMo and BEAM).
"""

FILL_TRIES = 5
"""How often units are chosen: fewer or more of them if names and times cost another share."""

MAX_SHARE = 4
"""Pictures may cost so much less than the texts that units stand for."""

FULL_SHARE = 0.9
"""A window of so large a share of its budget is full enough."""


def fill_window(
    snapshot: Snapshot,
    finder: Finder,
    page_reader: PageReader,
    *,
    query: str | None,
    budget: int,
    mode: Mode = "text",
    provider: str | None = None,
    host: HostProfile | None = None,
    min_ratio: float = PAYS,
    margin: float | None = None,
    superseded: bool = False,
    shown: Collection[str] | None = None,
) -> Context:
    """Recent turns and passages about `query`, or the newest turns without a query.

    Costs at most `budget` tokens. With a query, recent turns before the last exchange take at most
    `RECENT_SHARE` of it. Only passages that the budget can hold are read. `margin` says how far
    below the best a unit may score, None as far as is usual. Superseded turns are handed over only
    if `superseded` is True. `shown` has the ids of turns that the host shows by itself: then there
    are passages of other turns only.

    With a `host`, passages go on sheets if the host reads them and their text costs `min_ratio`
    times as much; all costs are this host's tokens. In mode "tokens", or in mode "image" with a
    `provider`, passages go as the visual tokens or the stored picture of their page if that is
    cheaper.

    Raises `BudgetTooSmall` if the last user turn alone does not fit, `StoreError` if a page changes
    while it is read.
    """
    open_turns: list[TurnRecord] = []
    if shown is None:
        open_turns = [record for record in snapshot.open_turns() if record.superseded_by is None]
    text_budget = int(budget / (host.text_factor if host else 1.0))
    recent = newest_parts(
        [open_part(record) for record in open_turns], text_budget, RECENT_SHARE if query else 1.0
    )
    without = _shown_offsets(snapshot, open_turns, recent, query) | _host_offsets(snapshot, shown)
    index = finder.index(snapshot)
    current_turns = CurrentTurns(snapshot, index, keeps_superseded=superseded)
    ranking = current_turns.of_ranking(finder.rank(snapshot, query)) if query else None
    if ranking is None and not superseded:
        without |= dict.fromkeys(superseded_ordinals(snapshot), 0)
    forms = _Forms(mode, provider, host, min_ratio, page_reader.guard.policy is not None)
    recent_cost = sum(part.n_tokens for part in recent)
    sizes = _Sizes(budget, text_budget - recent_cost - LEAST_FRAME_TOKENS)
    window = forms.window(snapshot, recent)
    sources = Sources(snapshot)
    choices: list[Choice] = []
    passages = Recollections()
    best = window.shown([])
    for _ in range(FILL_TRIES):
        last_choices = choices
        if ranking is not None:
            choices = choose_units(ranking, sizes.allowance, margin=margin, without=without)
            choices = current_turns.of_units(choices, without)
        else:
            choices = newest_units(index, sizes.allowance, without=without)
        if choices == last_choices:
            break
        groups = forms.groups(sources, choices)
        # If the turn has no more time, a window that there is already may stay less full.
        passages = read_passages(sources, page_reader, groups, in_time=bool(best[0]))
        window = forms.with_pages(window, snapshot, page_reader, passages)
        content = window.shown(passages)
        if best[1] < content[1] <= budget:
            best = content
        if sizes.is_full(best[1]) or sizes.are_all(choices, content[1]):
            break
        sizes.learn(choices, content[1])
    if not best[0]:
        best = window.best(passages, budget)
    window_value = _context(best, recent, budget, mode, index.n_tokens, host)
    return replace(window_value, suspects=passages.suspects)


def _context(
    shown: Shown,
    recent: Sequence[TextPart],
    budget: int,
    mode: Mode,
    n_history_tokens: int,
    host: HostProfile | None,
) -> Context:
    """The window as a value; all costs are the host's if there is one."""
    parts: tuple[TextPart | PassagePart, ...] = (*shown[0], *recent)
    if host is None:
        return Context(parts, shown[1], budget, mode, n_history_tokens)
    return Context(
        parts, shown[1], budget, mode, host.text_tokens(n_history_tokens), host=host.name
    )


@dataclass(frozen=True, slots=True)
class _Forms:
    """The forms that passages may have: text, sheets of a host, or pages as they are stored."""

    mode: Mode
    provider: str | None
    host: HostProfile | None
    min_ratio: float
    is_guarded: bool = False

    @property
    def has_pages(self) -> bool:
        """True if pages may go as they are stored, with words that a guard would mark."""
        is_image = self.mode == "image" and self.provider is not None
        may_show = self.host is None and not self.is_guarded
        return may_show and (is_image or self.mode == "tokens")

    def groups(self, sources: Sources, choices: Sequence[Choice]) -> list[list[Piece]]:
        """The pieces of each passage; a passage that may go as its page stands on one."""
        groups = stretches(choices)
        return split_at_pages(sources, groups) if self.has_pages else groups

    def window(self, snapshot: Snapshot, recent: Sequence[TextPart]) -> Window | SheetWindow:
        """The window to fill: at a host's own prices, or at ours."""
        window = Window(recent)
        if self.host is None:
            return window
        return SheetWindow(window, self.host, snapshot.session.next_turn, self.min_ratio)

    def with_pages(
        self,
        window: Window | SheetWindow,
        snapshot: Snapshot,
        page_reader: PageReader,
        passages: Sequence[Recollection],
    ) -> Window | SheetWindow:
        """The window with the pages of these passages as they are stored, if they may go so."""
        if not self.has_pages or not isinstance(window, Window):
            return window
        pictures = _pictures(snapshot, page_reader, passages, self.mode)
        return window.with_pictures(pictures, self.provider or "openai")


class _Sizes:
    """How much to choose: units cost about so much, and the window with them exactly so much."""

    def __init__(self, budget: int, room: int) -> None:
        self.allowance = int(OVERSHOOT * room)
        self._budget = budget
        self._room = room
        self._enough = 0
        self._too_much = MAX_SHARE * budget

    def is_full(self, n_tokens: int) -> bool:
        """True if a window of so many tokens is full enough."""
        return n_tokens >= FULL_SHARE * self._budget

    def are_all(self, choices: Sequence[Choice], n_tokens: int) -> bool:
        """True if there is nothing else to choose, and the window fits."""
        return n_tokens <= self._budget and _cost(choices) < FULL_SHARE * self.allowance

    def learn(self, choices: Sequence[Choice], n_tokens: int) -> None:
        """Set the allowance by what the window costs with these choices."""
        if n_tokens <= self._budget:
            self._enough = max(self._enough, self.allowance)
        else:
            self._too_much = min(self._too_much, self.allowance)
        cost_of_passages = max(1, n_tokens - self._budget + self._room)
        self.allowance = _cost(choices) * self._room // cost_of_passages
        if not self._enough < self.allowance < self._too_much:
            self.allowance = (self._enough + self._too_much) // 2


def _cost(choices: Sequence[Choice]) -> int:
    return sum(choice.cost for choice in choices)


def _shown_offsets(
    snapshot: Snapshot,
    open_turns: Sequence[TurnRecord],
    recent: Sequence[TextPart],
    query: str | None,
) -> dict[int, int]:
    """By ordinal, from where on turns are not recalled: they are recent, or are the question.

    Of a turn whose beginning stands on a page, only the end is among the recent turns.
    """
    recent_ids = {part.turn for part in recent}
    recent_ends = {part.text for part in recent if part.turn is None}
    offsets: dict[int, int] = {}
    for record in open_turns:
        if host_id_of(snapshot, record) in recent_ids or (
            query is not None and record.text == query
        ):
            offsets[record.ordinal] = 0
        elif record.sealed_upto and body(open_part(record)) in recent_ends:
            offsets[record.ordinal] = text_offset(snapshot, record) + record.sealed_upto
    return offsets


def _host_offsets(snapshot: Snapshot, ids: Collection[str] | None) -> dict[int, int]:
    """By ordinal, from where on turns are not recalled: the host shows all of them."""
    offsets: dict[int, int] = {}
    for id in ids or ():
        offsets |= dict.fromkeys((record.ordinal for record in turn_named(snapshot, id)), 0)
    return offsets


def _pictures(
    snapshot: Snapshot, page_reader: PageReader, passages: Sequence[Recollection], mode: Mode
) -> dict[str, PagePicture]:
    """Pictures, or visual tokens, of the pages of passages that have a rung, by page id."""
    pictures: dict[str, PagePicture] = {}
    for passage in passages:
        record = snapshot.pages.get(passage.page)
        if record is None or record.rung is None or record.id in pictures:
            continue
        if record.rung not in page_reader.reader.profile.ladder.names:
            continue  # drawn for another reader
        if not _shows_superseded(snapshot, record):
            rung = page_reader.reader.profile.rung(record.rung)
            pictures[record.id] = _picture(StoredPage.of(record, snapshot), rung, page_reader, mode)
    return pictures


def _shows_superseded(snapshot: Snapshot, record: PageRecord) -> bool:
    """True if a superseded turn stands on the page: its picture would show it without a mark."""
    if not snapshot.superseded:
        return False
    turns = turns_placed_on(snapshot, record.id)
    return any(is_superseded(snapshot, turn.ordinal) for turn in turns)


def _picture(page: StoredPage, rung: Rung, page_reader: PageReader, mode: Mode) -> PagePicture:
    """A page as visual tokens, or as its picture with marks that no text on it can imitate."""
    if mode == "tokens":
        visual = page_reader.tokens(page.record, rung)
        return PagePicture(rung.side_px, visual=visual, n_tokens=rung.n_tokens)
    png = page_reader.picture(page.record, rung)
    if page.layout is not None:
        png = with_inverse_marks(png, page.layout, page.erased_rows)
    return PagePicture(rung.side_px, png=png, n_tokens=rung.n_tokens)

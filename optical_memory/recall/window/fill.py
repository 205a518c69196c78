"""The window of an agent, filled from a session: recent turns, and passages about a question."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from optical_memory.profiles import Rung
from optical_memory.recall.choose import UNIT_OVERHEAD, Choice, choose_units, newest_units
from optical_memory.recall.find import Finder
from optical_memory.recall.open_turns import open_part
from optical_memory.recall.passages import read_passages, split_at_pages, stretches
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.assemble import Window
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.frame import LEAST_FRAME_TOKENS
from optical_memory.recall.window.newest import RECENT_SHARE
from optical_memory.recall.window.parts import PagePicture
from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.session.records import PageRecord, TurnRecord
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "fill_window",
]


OVERSHOOT = 1.02
"""Units are chosen for so much more than there is room for: their estimated costs are 2 to 3 % too
high (on LoCoMo and BEAM). If they do not fit, the worst are left out again; nothing is decoded
twice.
"""

FILL_TRIES = 6
"""How often the worst units are left out before whole passages are."""


def fill_window(
    snapshot: Snapshot,
    finder: Finder,
    page_reader: PageReader,
    *,
    query: str | None,
    budget: int,
    mode: Mode = "text",
    provider: str = "openai",
    margin: float | None = None,
) -> Context:
    """Recent turns and passages about `query`, or the newest turns without a query.

    Costs at most `budget` tokens. With a query, recent turns before the last exchange take at most
    `RECENT_SHARE` of it. Only passages that the budget can hold are read. `margin` says how far
    below the best a unit may score, None as far as is usual.

    Raises `BudgetTooSmall` if the last user turn alone does not fit, `StoreError` if a page changes
    while it is read.
    """
    open_turns = snapshot.open_turns()
    share = RECENT_SHARE if query else 1.0
    recent = newest_parts([open_part(record) for record in open_turns], budget, share)
    budget_left = budget - sum(part.n_tokens for part in recent) - LEAST_FRAME_TOKENS
    allowance = int(OVERSHOOT * budget_left)
    window_ordinals = _window_ordinals(open_turns, {part.turn for part in recent}, query)
    index = finder.index(snapshot)
    if query:
        ranking = finder.rank(snapshot, query)
        choices = choose_units(ranking, allowance, margin=margin, without=window_ordinals)
    else:
        choices = newest_units(index, allowance, without=window_ordinals)
    passages: list[Recollection] = []
    window = Window(recent)
    for _ in range(FILL_TRIES):
        groups = stretches(choices)
        if mode != "text":
            groups = split_at_pages(snapshot, groups)
        passages = read_passages(snapshot, page_reader, groups)
        window = window.with_pictures(_pictures(snapshot, page_reader, passages, mode), provider)
        parts, n_tokens = window.shown(passages)
        if n_tokens <= budget:
            return Context((*parts, *recent), n_tokens, budget, mode, index.n_tokens)
        choices = _without_worst(choices, n_tokens - budget)
    parts, n_tokens = window.best(passages, budget)
    return Context((*parts, *recent), n_tokens, budget, mode, index.n_tokens)


def _without_worst(choices: Sequence[Choice], n_tokens: int) -> list[Choice]:
    """The choices without the last of them, of so many tokens at least."""
    n_choices = len(choices)
    n_tokens_left = n_tokens
    while n_choices and n_tokens_left > 0:
        n_choices -= 1
        n_tokens_left -= choices[n_choices].n_tokens + UNIT_OVERHEAD
    return list(choices[:n_choices])


def _window_ordinals(
    open_turns: Sequence[TurnRecord], turn_ids: Collection[str | None], query: str | None
) -> set[int]:
    """Ordinals of turns that are not recalled: they are in the window, or are the question."""
    return {
        record.ordinal
        for record in open_turns
        if record.id in turn_ids or (query is not None and record.text == query)
    }


def _pictures(
    snapshot: Snapshot, page_reader: PageReader, passages: Sequence[Recollection], mode: Mode
) -> dict[str, PagePicture]:
    """Pictures, or visual tokens, of the pages of passages that have a rung, by page id."""
    pictures: dict[str, PagePicture] = {}
    if mode == "text":
        return pictures
    for passage in passages:
        record = snapshot.pages.get(passage.page)
        if record is not None and record.rung is not None and record.id not in pictures:
            rung = page_reader.reader.profile.rung(record.rung)
            pictures[record.id] = _picture(record, rung, page_reader, mode)
    return pictures


def _picture(record: PageRecord, rung: Rung, page_reader: PageReader, mode: Mode) -> PagePicture:
    if mode == "tokens":
        visual = page_reader.tokens(record, rung)
        return PagePicture(rung.side_px, visual=visual, n_tokens=rung.n_tokens)
    return PagePicture(rung.side_px, png=page_reader.picture(record, rung), n_tokens=rung.n_tokens)

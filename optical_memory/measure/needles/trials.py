"""Trials: a needle asked for, found or not, read right or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.fuzz import partial_ratio_alignment

from optical_memory.errors import BudgetTooSmall
from optical_memory.measure.finding.product import OpticalMemoryMethod
from optical_memory.measure.finding.window import Method
from optical_memory.measure.needles.histories import History, PlantedNeedle
from optical_memory.measure.needles.kinds import WORDINGS
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import DOUBT, OPEN, Recollection
from optical_memory.recall.window.context import Context
from optical_memory.session.stored_page import PageInfo
from optical_memory.spans import Span

__all__ = [
    "Sight",
    "Trial",
    "ask_needles",
    "look",
    "pages_by_turn",
    "rungs_by_turn",
    "sight_in",
]

IN_HAND = "text"
"""The rung of a turn that a baseline has as text."""

NEAR = 80
"""A place (0..100) is the value's, misread, if it agrees so far; else the value is not there."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A needle asked for once.

    `found_at_1`: the needle's turn is first in the ranking. `in_context`: the value, or what it was
    misread as, stands in the window. `is_exact`: it stands there character by character.
    `is_silent_error`: it does not, and nothing there marks it as doubtful or forgotten.
    `verified_share` is the share of the value's characters that are original or verified.
    """

    method: str
    kind: str
    wording: str
    depth: float
    age_turns: int
    rung: str
    history_tokens: int
    budget_share: float
    window_tokens: int
    found_at_1: bool
    in_context: bool
    is_exact: bool
    is_silent_error: bool
    verified_share: float | None


@dataclass(frozen=True, slots=True)
class Sight:
    """The value as it stands in a window, or what it was misread as."""

    is_there: bool = False
    is_exact: bool = False
    is_marked: bool = False
    verified_share: float | None = None


def ask_needles(
    method: Method, history: History, history_tokens: int, budget_share: float
) -> Iterator[Trial]:
    """A trial for each needle and wording. `history_tokens` is the length that was asked for."""
    budget = int(budget_share * history.n_tokens)
    rungs: Mapping[str, str] = {}
    if isinstance(method, OpticalMemoryMethod):
        rungs = rungs_by_turn(method.memory)
    default_rung = OPEN if isinstance(method, OpticalMemoryMethod) else IN_HAND
    for planted in history.needles:
        for wording, question in zip(WORDINGS, planted.needle.questions, strict=True):
            sight, n_tokens = look(method, planted, question, budget)
            ranking = method.ranking(question)
            yield Trial(
                method=method.name,
                kind=planted.needle.kind,
                wording=wording,
                depth=planted.depth,
                age_turns=planted.age_turns,
                rung=rungs.get(planted.turn_id, default_rung),
                history_tokens=history_tokens,
                budget_share=budget_share,
                window_tokens=n_tokens,
                found_at_1=ranking[:1] == [planted.turn_id],
                in_context=sight.is_there,
                is_exact=sight.is_exact,
                is_silent_error=sight.is_there and not sight.is_exact and not sight.is_marked,
                verified_share=sight.verified_share,
            )


def rungs_by_turn(memory: OpticalMemory) -> dict[str, str]:
    """The form that each turn on a page is read from."""
    return {turn: page.form for turn, page in pages_by_turn(memory).items()}


def pages_by_turn(memory: OpticalMemory) -> dict[str, PageInfo]:
    """The page that each turn stands on, by the turn's id; of two pages, the second.

    Turns that stand on no page are not in it.
    """
    pages: dict[str, PageInfo] = {}
    for page in memory.pages():
        layout = memory.inspect(page.id).layout
        for span in layout.spans if layout else ():
            pages[span.turn] = page
    return pages


# ---- windows -------------------------------------------------------------------------------------


def look(method: Method, planted: PlantedNeedle, question: str, budget: int) -> tuple[Sight, int]:
    """The value in the method's window for a question, and the cost of the window."""
    value = planted.needle.value
    if not isinstance(method, OpticalMemoryMethod):
        window = method.window(question, budget)
        is_there = any(_has_value(text, value) for text in window.texts)
        return Sight(is_there, is_there, False, 1.0 if is_there else None), window.n_tokens
    try:
        context = method.memory.context(question, budget=budget)
    except BudgetTooSmall:
        return Sight(), 0
    return _sight(context, planted), context.n_tokens


def _has_value(text: str, value: str) -> bool:
    """True if the value stands in the text, whatever white space it has."""
    return " ".join(value.split()) in " ".join(text.split())


def _sight(context: Context, planted: PlantedNeedle) -> Sight:
    """The value in a window, as the messages and the passages of the window have it."""
    value = planted.needle.value
    texts = [str(message["content"]) for message in context.to_messages()]
    is_exact = any(_has_value(text, value) for text in texts)
    for part in context.passages:
        passage = part.passage
        for piece in passage.parts:
            if piece.id == planted.turn_id:
                sight = sight_in(passage, (piece.start, piece.end), value, is_exact)
                if sight.is_there:
                    return sight
    return Sight(is_exact, is_exact, False, 1.0 if is_exact else None)


def sight_in(passage: Recollection, limits: tuple[int, int], value: str, is_exact: bool) -> Sight:
    """The value in a piece of a passage."""
    start, end = limits
    alignment = partial_ratio_alignment(value, passage.text[start:end], score_cutoff=NEAR)
    if alignment is None:
        return Sight()
    first = start + alignment.dest_start
    stop = start + alignment.dest_end
    spans = [span for span in passage.spans if span.start < stop and span.end > first]
    return Sight(
        is_there=True,
        is_exact=is_exact,
        is_marked=any(_is_marked(span) for span in spans),
        verified_share=_verified_share(spans, first, stop),
    )


def _is_marked(span: Span) -> bool:
    """True if a window shows that this span is forgotten or doubtful."""
    return span.status == "forgotten" or (span.status == "reconstructed" and span.p < DOUBT)


def _verified_share(spans: Sequence[Span], start: int, end: int) -> float:
    """The share of the characters from `start` to `end` that are original or verified."""
    n_verified = 0
    for span in spans:
        if span.status in ("original", "verified"):
            n_verified += min(span.end, end) - max(span.start, start)
    return n_verified / max(1, end - start)

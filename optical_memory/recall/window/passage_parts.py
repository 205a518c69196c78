"""Recalled passages as parts of a window: as text, or as the picture of their page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optical_memory.counting import LineCounter
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.recall.window.frame import GAP, framed_lines
from optical_memory.recall.window.parts import PagePicture, PassagePart
from optical_memory.spans import Span

__all__ = [
    "passage_parts",
    "with_pictures",
]


def passage_parts(passages: Sequence[Recollection], counter: LineCounter) -> list[PassagePart]:
    """Each passage as text, with a bound for its cost: it may cost less beside others.

    The bound has its own line for the time, and a mark for the gap before it.
    """
    parts = [PassagePart(passage, passage.marked(), 0) for passage in passages]
    lines = [[f"{GAP}\n", *_text_lines(part)] for part in parts]
    all_lines: list[str] = []
    for part_lines in lines:
        all_lines += part_lines
    counter.count(all_lines)  # a single call is faster than many
    return [
        PassagePart(part.passage, part.text, counter.count(part_lines))
        for part, part_lines in zip(parts, lines, strict=True)
    ]


def _text_lines(part: PassagePart) -> list[str]:
    return [line for line in framed_lines([part]) if isinstance(line, str)]


def with_pictures(
    parts: Sequence[PassagePart],
    pictures: Mapping[str, PagePicture],
    prices: Mapping[str, int],
    counter: LineCounter,
) -> list[PassagePart]:
    """The parts, but pages as pictures where that costs less than their passages as text.

    A passage that goes on to another page stays text. `prices` are the tokens of the pictures.
    """
    by_page: dict[str, list[PassagePart]] = {}
    texts: list[PassagePart] = []
    for part in parts:
        if part.page in pictures and part.passage.pages == (part.page,):
            by_page.setdefault(part.page, []).append(part)
        else:
            texts.append(part)
    for page, page_parts in by_page.items():
        part = _picture_part(page_parts, pictures[page], prices[page], counter)
        if part.n_tokens < sum(page_part.n_tokens for page_part in page_parts):
            texts.append(part)
        else:
            texts += page_parts
    return texts


def _picture_part(
    parts: Sequence[PassagePart], picture: PagePicture, price: int, counter: LineCounter
) -> PassagePart:
    """A page as its picture; the exact facts of the passages on it stand beside it as text."""
    passage = _joined([part.passage for part in sorted(parts, key=lambda part: part.ordinal)])
    facts = [
        passage.text[span.start : span.end].strip()
        for span in passage.spans
        if span.status == "original"
    ]
    exact = " · ".join(dict.fromkeys(filter(None, facts)))
    part = PassagePart(passage, f"Exact: {exact}" if exact else "", 0, picture)
    n_tokens = price + counter.count([f"{GAP}\n", *_text_lines(part)])
    return PassagePart(passage, part.text, n_tokens, picture)


def _joined(passages: Sequence[Recollection]) -> Recollection:
    """Passages of a page as a passage, joined by line breaks."""
    text = ""
    spans: list[Span] = []
    pieces: list[PassageTurn] = []
    for passage in passages:
        if text:
            spans.append(Span(len(text), len(text) + 1, "verified", 1.0))
            text += "\n"
        shift = len(text)
        text += passage.text
        spans += [replace(s, start=s.start + shift, end=s.end + shift) for s in passage.spans]
        pieces += [replace(p, start=p.start + shift, end=p.end + shift) for p in passage.parts]
    turns = dict.fromkeys(piece.id for piece in pieces if piece.id)
    return replace(
        passages[0],
        text=text,
        spans=tuple(spans),
        score=max(passage.score for passage in passages),
        n_tokens=sum(passage.n_tokens for passage in passages),
        turns=tuple(turns) or passages[0].turns,
        parts=tuple(pieces),
    )

"""Recalled pages as parts of a window: the best that fit, as text, excerpt, or picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from optical_memory.counting import count_tokens, image_tokens
from optical_memory.recall.context import HEADING, PagePart, PagePicture
from optical_memory.recall.recollection import Recollection

__all__ = [
    "best_pages",
]

EXCERPT_CHARS = (2_000, 800, 300)
"""Lengths of excerpts to try if a page does not fit whole, the longest first.

Round numbers, not measured: a page of a book, a paragraph or two, a few sentences.
"""


def best_pages(
    recollections: Iterable[Recollection],
    budget: int,
    query: str | None,
    pictures: Mapping[str, PagePicture],
    provider: str,
) -> list[PagePart]:
    """The pages with the highest scores that fit into `budget` tokens with the heading.

    They come in the order of the conversation.
    Of two pages with the same score, the newer comes first. A page that does not fit leaves room
    for pages behind it.
    """
    budget_left = budget - count_tokens(HEADING)
    pages: list[PagePart] = []
    for recollection in sorted(recollections, key=_best_first):
        forms = _forms(recollection, query, pictures.get(recollection.page), provider)
        page = next((form for form in forms if form.n_tokens <= budget_left), None)
        if page is not None:
            pages.append(page)
            budget_left -= page.n_tokens
    return sorted(pages, key=lambda page: (page.ordinal, page.page))


def _best_first(recollection: Recollection) -> tuple[float, int, str]:
    return -recollection.score, -recollection.ordinal, recollection.page


def _forms(
    recollection: Recollection, query: str | None, picture: PagePicture | None, provider: str
) -> Iterator[PagePart]:
    """The forms that the page may take, the fullest first."""
    if picture is not None:
        yield _with_picture(recollection, picture, provider)
        return
    yield _as_text(recollection, recollection.marked())
    for chars in EXCERPT_CHARS:
        if query and chars < len(recollection.text):
            yield _as_text(recollection, recollection.excerpt(query, chars))


def _with_picture(recollection: Recollection, picture: PagePicture, provider: str) -> PagePart:
    """A page as its picture. Facts that nobody may misread stand beside it as text."""
    facts = [
        recollection.text[span.start : span.end]
        for span in recollection.spans
        if span.status == "original"
    ]
    exact = f" Exact: {' · '.join(facts)}" if facts else ""
    text = f"{recollection.provenance}{exact}\n\n"
    price = picture.n_tokens if picture.png is None else image_tokens(picture.side_px, provider)
    return _part(recollection, text, price, picture)


def _as_text(recollection: Recollection, text: str) -> PagePart:
    return _part(recollection, f"{recollection.provenance}\n{text}\n\n")


def _part(
    recollection: Recollection, text: str, price: int = 0, picture: PagePicture | None = None
) -> PagePart:
    """`price` is the cost of the picture in tokens."""
    return PagePart(
        page=recollection.page,
        ordinal=recollection.ordinal,
        rung=recollection.rung,
        text=text,
        n_tokens=count_tokens(text) + price,
        turns=recollection.turns,
        picture=picture,
    )

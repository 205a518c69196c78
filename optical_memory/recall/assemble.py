"""Assembling: recent turns and recalled pages fill a budget, at an exact cost.

A text costs its DeepSeek tokens, and a picture costs the price of the provider. Visual tokens cost
as many tokens as the decoder receives. The words of a chat template around a message belong to the
host and are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optical_memory.counting import count_tokens
from optical_memory.recall.context import HEADING, Context, Mode, PagePicture
from optical_memory.recall.page_parts import best_pages
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.text_parts import newest_parts
from optical_memory.turns import Turn

__all__ = [
    "assemble",
]


def assemble(
    recent: Sequence[Turn],
    recollections: Sequence[Recollection],
    budget: int,
    *,
    mode: Mode = "text",
    query: str | None = None,
    pictures: Mapping[str, PagePicture] | None = None,
    provider: str = "openai",
    recent_share: float = 1.0,
) -> Context:
    """Fill `budget` tokens: the last user turn, recent turns from the newest back, pages by score.

    `recent` is in order. Turns are taken until a turn does not fit. Those before the last exchange
    take at most `recent_share` of the rest of the budget. A tool call and its results go together
    or not at all. A page that does not fit whole gives an excerpt about the `query`. A page is left
    out if all its turns are there as text. In modes "image" and "tokens", a page with a picture in
    `pictures` goes as that picture, and its exact facts as text beside it. `provider` names the
    prices of pictures.

    Raises `BudgetTooSmall` if the last user turn alone does not fit, `InputError` if no price is
    known for the provider.
    """
    turns = newest_parts(recent, budget, recent_share)
    budget_left = budget - sum(part.n_tokens for part in turns)
    turn_ids = {part.turn for part in turns}
    other_pages = [
        page for page in recollections if not page.turns or not turn_ids.issuperset(page.turns)
    ]
    shown_pictures = {} if mode == "text" or pictures is None else pictures
    pages = best_pages(other_pages, budget_left, query, shown_pictures, provider)
    n_tokens = budget - budget_left + sum(page.n_tokens for page in pages)
    n_heading_tokens = count_tokens(HEADING) if pages else 0
    return Context((*pages, *turns), n_tokens + n_heading_tokens, budget, mode)

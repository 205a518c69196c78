"""Assembling: recent turns and recalled passages fill a budget, at an exact cost.

A text costs its DeepSeek tokens, and a picture costs the price of the provider. Visual tokens cost
as many tokens as the decoder receives. The words of a chat template around a message belong to the
host and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from optical_memory.counting import LineCounter, image_tokens
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.frame import FRAME_TOKENS, TIME_TOKENS
from optical_memory.recall.window.messages import window_texts
from optical_memory.recall.window.parts import PagePicture, PassagePart, TextPart
from optical_memory.recall.window.passage_parts import passage_parts, with_pictures

__all__ = [
    "assemble",
]

MAX_TRIES = 8
"""Passages that are tried again when the bounds left some of the budget: each costs a recount."""


def assemble(
    recent: Sequence[TextPart],
    passages: Sequence[Recollection],
    budget: int,
    *,
    mode: Mode = "text",
    pictures: Mapping[str, PagePicture] | None = None,
    provider: str = "openai",
    n_history_tokens: int | None = None,
) -> Context:
    """A window of all recent turns, and of the best passages that fit `budget` tokens with them.

    `passages` come in any order; those with the lowest scores are left out first, and of two with
    the same score the older. A passage that does not fit leaves room for others. A passage is left
    out if all its turns are there as text. In modes "image" and "tokens", a page with a picture in
    `pictures` goes as that picture, if that costs less than its passages as text. `provider` names
    the prices of pictures.

    Raises `InputError` if no price is known for the provider.
    """
    shown_pictures = {} if mode == "text" or pictures is None else pictures
    window = _Window(recent, _prices(shown_pictures, provider), shown_pictures)
    turn_ids = {part.turn for part in recent}
    best_first = [
        passage
        for passage in sorted(passages, key=lambda passage: (-passage.score, -passage.ordinal))
        if not (passage.turns and turn_ids.issuperset(passage.turns))
        and (passage.n_tokens <= budget or passage.page in shown_pictures)
    ]
    parts = window.shown(_best_parts(window, passage_parts(best_first, window.counter), budget))
    return Context(
        parts=(*parts, *recent),
        n_tokens=window.cost(parts),
        budget=budget,
        mode=mode,
        n_history_tokens=n_history_tokens,
    )


def _prices(pictures: Mapping[str, PagePicture], provider: str) -> dict[str, int]:
    """The price of each page's picture in tokens."""
    return {
        page: picture.n_tokens if picture.png is None else image_tokens(picture.side_px, provider)
        for page, picture in pictures.items()
    }


@dataclass(frozen=True, slots=True)
class _Window:
    """Recent turns, and the exact cost of passages beside them."""

    recent: Sequence[TextPart]
    prices: Mapping[str, int]
    pictures: Mapping[str, PagePicture]
    counter: LineCounter = field(default_factory=LineCounter)

    def shown(self, parts: Sequence[PassagePart]) -> list[PassagePart]:
        """The parts in order, with pictures in place of texts if that is cheaper."""
        shown_parts = with_pictures(parts, self.pictures, self.prices, self.counter)
        return sorted(shown_parts, key=lambda part: (part.ordinal, part.page))

    def least_cost(self, part: PassagePart) -> int:
        """What a part adds at least: beside others it may need no time, in a picture nothing."""
        return 0 if part.page in self.pictures else part.n_tokens - TIME_TOKENS

    def cost(self, parts: Sequence[PassagePart]) -> int:
        """The exact cost of the messages, with the prices of pictures."""
        n_tokens = self.counter.count(window_texts(parts, self.recent))
        return n_tokens + sum(self.prices[part.page] for part in parts if part.picture)


def _best_parts(window: _Window, parts: Sequence[PassagePart], budget: int) -> list[PassagePart]:
    """The parts that fit, the best first. The bounds choose; then the exact cost is looked at."""
    budget_left = budget - window.cost([]) - FRAME_TOKENS
    best: list[PassagePart] = []
    large_parts: list[PassagePart] = []
    for part in parts:
        if part.n_tokens <= budget_left:
            best.append(part)
            budget_left -= part.n_tokens
        else:
            large_parts.append(part)
    n_tokens = window.cost(window.shown(best))
    while best and n_tokens > budget:
        large_parts.insert(0, best.pop())
        n_tokens = window.cost(window.shown(best))
    return _filled(window, best, large_parts, budget, budget - n_tokens)


def _filled(
    window: _Window,
    best: Sequence[PassagePart],
    large_parts: Iterable[PassagePart],
    budget: int,
    budget_left: int,
) -> list[PassagePart]:
    """The best parts, and those of `large_parts` for which the exact cost has room after all."""
    parts = list(best)
    candidates = (part for part in large_parts if window.least_cost(part) <= budget_left)
    for part in islice(candidates, MAX_TRIES):
        n_tokens = window.cost(window.shown([*parts, part]))
        if n_tokens <= budget:
            parts.append(part)
            budget_left = budget - n_tokens
    return parts

"""Assembling: recent turns and recalled passages fill a budget, at an exact cost.

A text costs its DeepSeek tokens, and a picture costs the price of the provider. Visual tokens cost
as many tokens as the decoder receives. The words of a chat template around a message belong to the
host and are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from optical_memory.counting import LineCounter, image_tokens
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.frame import TIME_TOKENS
from optical_memory.recall.window.messages import window_texts
from optical_memory.recall.window.parts import PagePicture, PassagePart, TextPart, in_talk_order
from optical_memory.recall.window.passage_parts import passage_parts, with_pictures

__all__ = [
    "Window",
]


Shown = tuple[list[PassagePart], int]
"""Passages in order, as text or pictures, and what the window costs with them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Recent turns, and the exact cost of passages beside them.

    A page with a picture goes as its picture where that costs less than its passages as text.
    """

    recent: Sequence[TextPart]
    pictures: Mapping[str, PagePicture] = field(default_factory=dict)
    prices: Mapping[str, int] = field(default_factory=dict)
    counter: LineCounter = field(default_factory=LineCounter)

    def with_pictures(self, pictures: Mapping[str, PagePicture], provider: str) -> Window:
        """The same window with these pictures, at the provider's price.

        Raises `InputError` if no price is known for the provider.
        """
        prices = {page: _price(picture, provider) for page, picture in pictures.items()}
        return replace(self, pictures=pictures, prices=prices)

    def shown(self, passages: Sequence[Recollection]) -> Shown:
        """All passages but those whose turns are among the recent turns."""
        return self._shown(self.best_first(passages))

    def best(self, passages: Sequence[Recollection], budget: int) -> Shown:
        """The passages that fit, the best first; each is tried, unless it is surely too large."""
        parts = self.best_first(passages)
        everything = self._shown(parts)
        if everything[1] <= budget:
            return everything
        best: list[PassagePart] = []
        shown = self._shown(best)
        for part in parts:
            if self._least_cost(part) > budget - shown[1]:
                continue
            with_part = self._shown([*best, part])
            if with_part[1] <= budget:
                best.append(part)
                shown = with_part
        return shown

    def best_first(self, passages: Sequence[Recollection]) -> list[PassagePart]:
        """The passages as text, the best first, without those among the recent turns."""
        turn_ids = {part.turn for part in self.recent}
        best_first = [
            passage
            for passage in sorted(passages, key=lambda passage: (-passage.score, -passage.ordinal))
            if passage.is_superseded or not (passage.turns and turn_ids.issuperset(passage.turns))
        ]
        return passage_parts(best_first, self.counter)

    def _shown(self, parts: Sequence[PassagePart]) -> Shown:
        """The parts in order, with pictures in place of texts if that is cheaper."""
        parts_to_show = with_pictures(parts, self.pictures, self.prices, self.counter)
        in_order = in_talk_order(parts_to_show)
        n_tokens = self.counter.count(window_texts(in_order, self.recent))
        return in_order, n_tokens + sum(self.prices[p.page] for p in in_order if p.picture)

    def _least_cost(self, part: PassagePart) -> int:
        """What a part adds at least: beside others it may need no time, in a picture nothing."""
        return 0 if part.page in self.pictures else part.n_tokens - TIME_TOKENS


def _price(picture: PagePicture, provider: str) -> int:
    """The price of a page's picture in tokens."""
    return picture.n_tokens if picture.png is None else image_tokens(picture.side_px, provider)

"""The model: a weight for each sign and for some pairs of signs, and a threshold.

A text is cut into windows, and is as suspicious as its most suspicious window.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from optical_memory.quoting.injection.signs import FORMS, PHRASES, RAW_FORMS
from optical_memory.quoting.injection.views import decoded_views, plain_view

__all__ = [
    "Model",
    "has_instructions",
    "packaged_model",
    "signs_of",
]

WINDOW = 240
"""Characters of a sentence at most. Signs that stand far apart say little together."""

_ENDS = re.compile(r'(?<=[.!?。！？;])\s+|\n+|\\n|<!--|-->|": ?(?=["{\[])|", ?(?=")')

MAX_CHARS = 100_000
"""So much of a text is looked at, from its beginning and from its end: half of it each."""

SIGNS = "signs"
"""How many signs there are: what one of them is worth that no example has."""

MANY = 3
"""More signs than this say no more."""

Signs = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights by sign, and the score from which a text is suspicious."""

    weights: Mapping[str, float]
    bias: float
    threshold: float

    def score(self, text: str) -> float:
        """The log odds of the most suspicious window; higher is more suspicious."""
        return max((self._window_score(signs) for signs in signs_of(text)), default=-math.inf)

    def _window_score(self, signs: Signs) -> float:
        return self.bias + sum(self.weights.get(name, 0.0) * n for name, n in signs.items())

    def is_suspicious(self, text: str) -> bool:
        """True if the text may have instructions for the model that reads it."""
        return self.score(text) >= self.threshold


def signs_of(text: str) -> Iterator[Signs]:
    """The signs of each window of the text, and of what stands in codes in it."""
    if len(text) > MAX_CHARS:
        text = f"{text[: MAX_CHARS // 2]}\n{text[-MAX_CHARS // 2 :]}"
    for window in _windows(text):
        yield _signs(window, is_decoded=False)
    for view in decoded_views(text):
        for inner in (view, *decoded_views(view)):
            for window in _windows(inner):
                yield _signs(window, is_decoded=True)


def _windows(text: str) -> Iterator[str]:
    """Sentences, cut where they are too long; values of JSON and comments are sentences too."""
    for sentence in _ENDS.split(text):
        for start in range(0, len(sentence), WINDOW):
            if sentence[start : start + WINDOW].strip():
                yield sentence[start : start + WINDOW]


def _signs(window: str, *, is_decoded: bool) -> dict[str, float]:
    """The signs that a sentence has, each 1, and how many of them."""
    plain = plain_view(window)
    phrases = [name for name, pattern in PHRASES.items() if pattern.search(plain)]
    forms = [name for name, pattern in FORMS.items() if pattern.search(plain)]
    forms += [name for name, pattern in RAW_FORMS.items() if pattern.search(window)]
    if is_decoded and phrases:
        forms.append("decoded")
    signs = dict.fromkeys([*phrases, *forms], 1.0)
    if signs:
        signs[SIGNS] = float(min(MANY, len(signs)))
    return signs


@cache
def packaged_model() -> Model:
    """The model that comes with this package."""
    data = json.loads((files(__package__) / "weights.json").read_text("utf-8"))
    return Model(data["weights"], data["bias"], data["threshold"])


def has_instructions(text: str) -> bool:
    """True if a quoted text may have instructions for the model that reads it."""
    return packaged_model().is_suspicious(text)

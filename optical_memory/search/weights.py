"""The weights of the search: round numbers that `training/fit_search.py` was rounded to."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ASSISTANT_IN_LIST",
    "IDENTIFIER",
    "MARGIN",
    "MARGIN_WITH_MEANING",
    "TOKEN_WEIGHT",
    "WEIGHTS",
]

WEIGHTS: Mapping[str, float] = {
    "window_0": 0.2,
    "window_1": 0.3,
    "window_3": 0.5,
    "sitting": 0.3,
    "speaker": 2.9,
    "asks": -0.8,
    "length": 0.2,
    "number": 2.0,
    "month": 2.5,
    "day": 2.0,
    "my": 1.0,
    "assistant": -1.9,
    "call": -0.5,
    "your": 0.75,
    "told": 3.5,
    "meaning_0": 0.25,
    "meaning_1": 0.35,
}
"""What each feature of `score.features` is worth."""

IDENTIFIER = 3.0
"""What a number or code of the question is worth in a list of turns: more than a role costs."""

ASSISTANT_IN_LIST = 1.4
"""What an assistant's unit without a name gets back in a list of turns, which has no neighbours: an
agent's answers often stand there. On the bundled conversation 22 of 24 answers are among the first
3 turns with it, and 18 without.
"""

MARGIN = 4.5
"""How far below the best a unit may lie. With a limit of 25 % of a conversation's tokens this hands
over the evidence of 10 %, in fewer tokens (LOG.md).
"""

MARGIN_WITH_MEANING = 5.3
"""The same with vectors, which spread the scores."""

TOKEN_WEIGHT = 0.6
"""What a unit's tokens cost it: this times the natural logarithm of their number."""

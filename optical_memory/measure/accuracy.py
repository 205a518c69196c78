"""How much of a text was read right: 1 minus the edit distance over the length."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

__all__ = [
    "accuracy",
]


def accuracy(truth: str, text: str) -> float:
    """1 - edit distance / length of the longer text, in 0..1; two empty texts agree."""
    return Levenshtein.normalized_similarity(truth, text)

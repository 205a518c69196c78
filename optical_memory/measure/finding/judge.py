"""Whether a turn stands in a window: its words in order, though a few may be misread.

A turn is handed over if at least 95 % of its words stand in order in one place of the window, by
the longest common subsequence (`LCSseq` of rapidfuzz). It is legible if it is handed over, or if
its characters agree there to 95 %, by the edit distance. It is touched if at least 40 characters of
it stand there word for word, or the whole turn if it is shorter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq

from optical_memory.measure.accuracy import accuracy

__all__ = [
    "Presence",
    "WindowText",
]

SHARE = 0.95
"""The least share of a turn's words, or agreement of its characters, that counts as there."""

TOUCH_CHARS = 40
"""So many characters in a row show that a piece of the turn is there: about eight words."""

LEAST_SHARE = 0.6
"""A place with fewer of the turn's words is another text; a misread turn has more of them right."""

PLACES = 6
"""Places of a window that are compared with a turn, those with most of its words first."""

# CJK is written without blanks: each character counts as a word.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_DOUBT = re.compile(r"\[([^\s\[]+)\?\]")  # how a context marks a word that may be misread


@dataclass(frozen=True, slots=True)
class Presence:
    """How far a turn stands in a window."""

    is_handed_over: bool
    is_legible: bool
    is_touched: bool


ABSENT = Presence(is_handed_over=False, is_legible=False, is_touched=False)
WHOLE = Presence(is_handed_over=True, is_legible=True, is_touched=True)


class WindowText:
    """The text of a window, ready to be asked for turns."""

    def __init__(self, texts: Sequence[str]) -> None:
        # A line of its own between two texts is a word that no turn has.
        whole = "\n\0\n".join(texts)
        self._words = _WORDS.findall(_DOUBT.sub(r"\1", whole))
        self._text = " ".join(self._words)
        self._vocabulary: dict[str, int] = {}
        for word in self._words:
            self._vocabulary.setdefault(word, len(self._vocabulary))
        self._numbers = np.array([self._vocabulary[word] for word in self._words], np.int64)

    def presence(self, turn: str) -> Presence:
        """How far the text of a turn stands in the window."""
        words = _WORDS.findall(turn)
        if not words or not self._words:
            return ABSENT
        text = " ".join(words)
        if text in self._text:
            return WHOLE
        best_share = 0.0
        best_accuracy = 0.0
        for place in self._places(words):
            share = LCSseq.similarity(words, place) / len(words)
            best_share = max(best_share, share)
            if share >= SHARE:
                best_accuracy = 1.0
                break
            if share >= LEAST_SHARE:
                best_accuracy = max(best_accuracy, _accuracy(words, place))
        return Presence(best_share >= SHARE, best_accuracy >= SHARE, self._touches(text))

    def _places(self, words: Sequence[str]) -> Iterator[list[str]]:
        """Stretches of the window that have most of the words, half as long again as the turn."""
        length = min(len(self._words), len(words) + len(words) // 10 + 2)
        margin = len(words) // 4
        numbers = [self._vocabulary[word] for word in set(words) if word in self._vocabulary]
        counts = self._counts(np.array(numbers, np.int64), length)
        for _ in range(PLACES):
            start = int(counts.argmax())
            if counts[start] < len(words) * LEAST_SHARE:
                return
            # Its ends are not sure: words of its neighbours may be words of the turn too.
            yield self._words[max(0, start - margin) : start + length + margin]
            counts[max(0, start - margin) : start + margin + 1] = 0

    def _counts(self, numbers: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
        """How many of the words stand in each stretch of this length."""
        is_in_turn = np.zeros(len(self._vocabulary), np.int64)
        is_in_turn[numbers] = 1
        totals = np.concatenate([[0], is_in_turn[self._numbers].cumsum()])
        counts: npt.NDArray[np.int64] = totals[length:] - totals[:-length]
        return counts

    def _touches(self, text: str) -> bool:
        """True if `TOUCH_CHARS` characters of the text, from the beginning of a word, are there."""
        return not self._pieces.isdisjoint(_pieces(text))

    @cached_property
    def _pieces(self) -> set[str]:
        return set(_pieces(self._text))


def _accuracy(words: Sequence[str], place: Sequence[str]) -> float:
    """The agreement of the characters with as many words of a place, in 0..1.

    The longest run of equal words says with which.
    """
    runs = [run for run in LCSseq.opcodes(words, place) if run.tag == "equal"]
    longest = max(runs, key=lambda run: run.src_end - run.src_start)
    first = max(0, longest.dest_start - longest.src_start)
    return accuracy(" ".join(words), " ".join(place[first : first + len(words)]))


def _pieces(text: str) -> Iterator[str]:
    """`TOUCH_CHARS` characters of a text from the beginning of each word."""
    start = 0
    while start + TOUCH_CHARS <= len(text):
        yield text[start : start + TOUCH_CHARS]
        blank = text.find(" ", start)
        if blank < 0:
            return
        start = blank + 1

"""The baselines: plain ways to fill a window at the same cost. Here are the newest turns and BM25.

Each is built of a conversation, and then asked. BM25 is that of `bm25s` with Lucene's idf over
English stems. It searches the turns as they are written, with the speaker's name: without it, BM25
finds less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from optical_memory.measure.finding.dense import DenseTurns
from optical_memory.measure.finding.rolling_summary import RollingSummary
from optical_memory.measure.finding.stems import stems
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Method, Window

if TYPE_CHECKING:
    from bm25s import BM25

__all__ = [
    "BASELINES",
    "Bm25Index",
    "Bm25Neighbours",
    "Bm25Turns",
    "MakeMethod",
    "NewestTurns",
]

MakeMethod = Callable[[Transcript], Method]
"""Builds a method from a conversation."""


class NewestTurns:
    """The newest turns, whatever is asked."""

    name = "newest"

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def window(self, question: str, budget: int) -> Window:
        """The newest turns that fit the budget."""
        return self._transcript.fill(self._order(), budget)

    def ranking(self, question: str) -> list[str]:
        """The ids of all turns, the newest first."""
        return self._transcript.ids(self._order())

    def _order(self) -> list[int]:
        return list(reversed(range(len(self._transcript.turns))))


class Bm25Turns:
    """The turns with the best BM25."""

    name = "bm25"

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._index = Bm25Index(transcript.texts)

    def window(self, question: str, budget: int) -> Window:
        """The best turns that fit the budget."""
        return self._transcript.fill(self.order(question), budget)

    def ranking(self, question: str) -> list[str]:
        """The ids of the turns that share a word with the question, the best first."""
        return self._transcript.ids(self.order(question))

    def order(self, question: str) -> list[int]:
        """The numbers of the turns that share a word with the question, the best first."""
        return self._index.order(question)


class Bm25Neighbours(Bm25Turns):
    """The turns with the best BM25, each with the turn before and the turn after it."""

    name = "bm25-neighbours"

    def order(self, question: str) -> list[int]:
        """The numbers of the best turns, each followed by its neighbours."""
        numbers = _with_neighbours(super().order(question), len(self._transcript.turns))
        return list(dict.fromkeys(numbers))


def _with_neighbours(numbers: Sequence[int], n_turns: int) -> Iterator[int]:
    """Each number, then the number before and the number after it."""
    for number in numbers:
        for neighbour in (number, number - 1, number + 1):
            if 0 <= neighbour < n_turns:
                yield neighbour


class Bm25Index:
    """BM25 over texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vocabulary: dict[str, int] = {}
        corpus = [self._numbers(text) for text in texts]
        self._index = _bm25(corpus, self._vocabulary) if self._vocabulary else None

    def _numbers(self, text: str) -> list[int]:
        """The text as numbers of its words, which enter the vocabulary."""
        vocabulary = self._vocabulary
        return [vocabulary.setdefault(word, len(vocabulary)) for word in stems(text)]

    def order(self, question: str) -> list[int]:
        """The numbers of the texts that share a word with the question, the best first."""
        words = dict.fromkeys(stems(question))
        numbers = [self._vocabulary[word] for word in words if word in self._vocabulary]
        if self._index is None or not numbers:
            return []
        scores = self._index.get_scores_from_ids(numbers)
        best_first = (-scores).argsort(kind="stable")
        return [int(i) for i in best_first if scores[i] > 0]


def _bm25(corpus: list[list[int]], vocabulary: Mapping[str, int]) -> BM25:
    from bm25s import BM25

    index = BM25(method="lucene", backend="numpy", auto_compile=False)
    index.index((corpus, dict(vocabulary)), create_empty_token=False, show_progress=False)
    return index


BASELINES: Mapping[str, MakeMethod] = {
    NewestTurns.name: NewestTurns,
    RollingSummary.name: RollingSummary,
    Bm25Turns.name: Bm25Turns,
    Bm25Neighbours.name: Bm25Neighbours,
    DenseTurns.name: DenseTurns,
}
"""The baselines by name."""

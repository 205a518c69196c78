"""A baseline that many chatbots use: the newest turns, and a rolling summary of all older turns.

The summary is extractive, so that no model is asked. It is kept as turns leave the part of the
window for newest turns: the sentences of the old summary and of a batch of turns are ranked, and
the best are kept. A sentence is as good as the mean probability of its words in all text so far
(SumBasic, Nenkova and Vanderwende 2005), and a word counts less once a sentence with it is summary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from optical_memory.counting import count_batch
from optical_memory.measure.finding.stems import stems
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Window

__all__ = [
    "RollingSummary",
]

NEWEST_SHARE = 0.5
"""The part of the window that the newest turns have; the summary has the rest."""

BATCH = 20
"""Turns that enter the summary at once."""

_SENTENCES = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")


class _Sentence(NamedTuple):
    """A sentence with its speaker, its place in the conversation, its stems, and its tokens."""

    number: int
    text: str
    stems: tuple[str, ...]
    n_tokens: int


class RollingSummary:
    """A summary of the older turns, and the newest turns word for word; never asks the question."""

    name = "rolling-summary"

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._windows: dict[int, Window] = {}
        self._sentences = _sentences_of(transcript)

    def window(self, question: str, budget: int) -> Window:
        """The window of this budget; it is made once."""
        if budget not in self._windows:
            self._windows[budget] = self._make_window(budget)
        return self._windows[budget]

    def ranking(self, question: str) -> list[str]:
        """Nothing: a summary ranks no turns."""
        return []

    def _make_window(self, budget: int) -> Window:
        n_turns = len(self._transcript.turns)
        newest_first = reversed(range(n_turns))
        numbers = self._transcript.choose(newest_first, int(budget * NEWEST_SHARE))
        newest = self._transcript.fill(numbers, budget)
        first = numbers[0] if numbers else n_turns
        summary = self._summarise(first, budget - newest.n_tokens)
        texts = tuple(sentence.text for sentence in summary)
        n_summary_tokens = sum(sentence.n_tokens for sentence in summary)
        return Window((*texts, *newest.texts), n_summary_tokens + newest.n_tokens)

    def _summarise(self, n_turns: int, budget: int) -> list[_Sentence]:
        """The summary of the first `n_turns` turns, as it is after the last batch."""
        counts: Counter[str] = Counter()
        summary: list[_Sentence] = []
        for first in range(0, n_turns, BATCH):
            for turn_sentences in self._sentences[first : min(first + BATCH, n_turns)]:
                summary += turn_sentences
                for sentence in turn_sentences:
                    counts.update(sentence.stems)
            summary = _best(summary, counts, budget)
        return summary


def _sentences_of(transcript: Transcript) -> list[list[_Sentence]]:
    """The sentences of each turn, as lines of a summary."""
    sentences: list[list[_Sentence]] = []
    number = 0
    for turn, text in zip(transcript.turns, transcript.texts, strict=True):
        name = turn.name or turn.role
        pieces = _SENTENCES.findall(text.removeprefix(f"{name}: "))
        lines = [f"{name}: {piece.strip()}\n" for piece in pieces if piece.strip()]
        turn_sentences: list[_Sentence] = []
        for line, n_tokens in zip(lines, count_batch(lines), strict=True):
            turn_sentences.append(_Sentence(number, line, tuple(stems(line)), n_tokens))
            number += 1
        sentences.append(turn_sentences)
    return sentences


def _best(sentences: list[_Sentence], counts: Mapping[str, int], budget: int) -> list[_Sentence]:
    """The best sentences that fit the budget, in the order of time."""
    n_words = max(1, sum(counts.values()))
    weights = {stem: count / n_words for stem, count in counts.items()}
    summary: list[_Sentence] = []
    budget_left = budget
    heap = [(-_mean_weight(sentence, weights), sentence) for sentence in sentences]
    heapify(heap)
    while heap:
        weight, sentence = heappop(heap)
        if sentence.n_tokens > budget_left:
            continue
        # Weights only fall, so a sentence is the best if its own weight has not fallen.
        current_weight = -_mean_weight(sentence, weights)
        if current_weight > weight:
            heappush(heap, (current_weight, sentence))
            continue
        summary.append(sentence)
        budget_left -= sentence.n_tokens
        for stem in set(sentence.stems):
            weights[stem] **= 2  # as SumBasic does against repetition
    return sorted(summary)


def _mean_weight(sentence: _Sentence, weights: Mapping[str, float]) -> float:
    """The mean weight of a sentence's stems, 0 if it has none."""
    if not sentence.stems:
        return 0.0
    return sum([weights[stem] for stem in sentence.stems]) / len(sentence.stems)

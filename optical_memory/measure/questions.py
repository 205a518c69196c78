"""Questions for a demo, bundled or made from facts that occur once; and how well recall answers."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optical_memory.ledger import LedgerSpan, extract
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Span, Status

__all__ = [
    "BEST",
    "BLANK",
    "Answer",
    "Question",
    "ask",
    "bundled_questions",
    "make_questions",
]

AROUND = 90
"""Characters of context on either side of the fact in a question that is made."""

BLANK = "…?…"
"""Stands in a question for the fact that it asks for."""

BEST = 3
"""Recollections that may hold the answer."""

ANSWER_CHARS = 160
"""Characters of the excerpt that an answer shows."""

FACT_CHARS = range(4, 61)
"""Lengths of facts that are asked for: shorter facts occur by chance, longer are no answer."""

# From the least certain to the most.
_RANKS: tuple[Status, ...] = ("forgotten", "reconstructed", "verified", "original")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its one right answer, word for word."""

    question: str
    answer: str
    kind: str
    turn_id: str | None = None

    @property
    def query(self) -> str:
        """The question as a search has it."""
        return self.question.replace(BLANK, " ")


@dataclass(frozen=True, slots=True)
class Answer:
    """The first of the `BEST` recollections that has the answer, word for word.

    `rank` counts from 1; it is None if no recollection has the answer. `status` and `p` are those
    of the least certain part of the answer. `rung` is the form that it was read from, "open" for a
    turn that is still text. `provenance` and `excerpt` are of the recollection that has the answer,
    or else of the best.
    """

    question: str
    answer: str
    kind: str
    rank: int | None
    rung: str | None
    status: Status | None
    p: float | None
    provenance: str
    excerpt: str
    seconds: float


# ---- questions -----------------------------------------------------------------------------------


def bundled_questions() -> list[Question]:
    """The questions that come with the bundled conversation."""
    file = Path(__file__).parents[1] / "examples" / "questions.json"
    return [Question(**question) for question in json.loads(file.read_text(encoding="utf-8"))]


def make_questions(texts: Sequence[str], n: int, seed: int = 0) -> list[Question]:
    """At most `n` questions in the order of the texts, each about a fact that occurs once.

    A question is the words around the fact, with `BLANK` in its place.
    """
    questions = list(_questions(texts))
    sample = random.Random(seed).sample(range(len(questions)), min(n, len(questions)))
    return [questions[i] for i in sorted(sample)]


def _questions(texts: Sequence[str]) -> Iterator[Question]:
    whole = "\n".join(texts)
    for text in texts:
        for fact in extract(text).spans:
            if _is_answer(fact) and whole.count(fact.text) == 1:
                yield _question(text, fact)


def _is_answer(fact: LedgerSpan) -> bool:
    return fact.kind != "code" and len(fact.text) in FACT_CHARS and "\n" not in fact.text


def _question(text: str, fact: LedgerSpan) -> Question:
    words_before = text[max(0, fact.start - AROUND) : fact.start].split(" ", 1)[-1]
    words_after = text[fact.end : fact.end + AROUND].rsplit(" ", 1)[0]
    return Question(" ".join(f"{words_before}{BLANK}{words_after}".split()), fact.text, fact.kind)


# ---- answers -------------------------------------------------------------------------------------


def ask(memory: OpticalMemory, question: Question) -> Answer:
    """Recall the best pages and turns, and look for the answer in them."""
    start = time.perf_counter()
    recollections = memory.recall(question.query, k=BEST)
    seconds = time.perf_counter() - start
    for rank, recollection in enumerate(recollections, 1):
        spans = _spans_of(question.answer, recollection)
        if spans:
            return _answer(question, rank, recollection, spans, seconds)
    return _no_answer(question, recollections, seconds)


def _spans_of(answer: str, recollection: Recollection) -> list[Span]:
    """The spans of the text that the answer touches; line ends may stand for its blanks."""
    match = re.search(r"\s+".join(map(re.escape, answer.split())), recollection.text)
    if match is None:
        return []
    start, end = match.span()
    return [span for span in recollection.spans if span.start < end and span.end > start]


def _answer(
    question: Question,
    rank: int,
    recollection: Recollection,
    spans: Sequence[Span],
    seconds: float,
) -> Answer:
    worst = min(spans, key=lambda span: (_RANKS.index(span.status), span.p))
    return Answer(
        question=question.question,
        answer=question.answer,
        kind=question.kind,
        rank=rank,
        rung=recollection.rung or "text",
        status=worst.status,
        p=worst.p,
        provenance=recollection.provenance,
        excerpt=recollection.excerpt(f"{question.query} {question.answer}", ANSWER_CHARS),
        seconds=seconds,
    )


def _no_answer(question: Question, recollections: Sequence[Recollection], seconds: float) -> Answer:
    best = recollections[0] if recollections else None
    return Answer(
        question=question.question,
        answer=question.answer,
        kind=question.kind,
        rank=None,
        rung=None,
        status=None,
        p=None,
        provenance=best.provenance if best else "nothing found",
        excerpt=best.excerpt(question.query, ANSWER_CHARS) if best else "",
        seconds=seconds,
    )

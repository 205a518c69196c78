"""Questions for a demo: planted ones, or made from facts that occur just once; and how well recall
answers them.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optical_memory.ledger import LedgerSpan, extract
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Status

__all__ = ["BEST", "Asked", "Question", "ask", "made_questions", "planted_questions"]

AROUND = 90  # characters of context on either side of a fact
BLANK = "…?…"
BEST = 3  # recollections that are looked at
EXCERPT = 160  # characters
_RANKS: tuple[Status, ...] = ("forgotten", "reconstructed", "verified", "original")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its one right answer, word for word."""

    question: str
    answer: str
    kind: str
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the answer stands, word for word, among the first `BEST` recollections: `rank` from 1,
    None for nowhere.

    `status` and `p` are those of its least certain part; `rung` is what it was read from ("open"
    for a turn that is still text). `provenance` and `excerpt` are of the recollection that has it,
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


def planted_questions() -> list[Question]:
    """The questions that come with the bundled conversation."""
    file = Path(__file__).parents[1] / "examples" / "questions.json"
    return [Question(**question) for question in json.loads(file.read_text(encoding="utf-8"))]


def made_questions(texts: Sequence[str], n: int, seed: int = 0) -> list[Question]:
    """At most `n` questions in the order of the texts: the words around a fact that occurs once,
    without the fact.
    """
    whole = "\n".join(texts)
    facts = [(text, span) for text in texts for span in extract(text).spans if _asks_well(span)]
    once = [(text, span) for text, span in facts if whole.count(span.text) == 1]
    chosen = sorted(random.Random(seed).sample(range(len(once)), min(n, len(once))))
    return [_question(*once[i]) for i in chosen]


def _asks_well(span: LedgerSpan) -> bool:
    return span.kind != "code" and 4 <= len(span.text) <= 60 and "\n" not in span.text


def _question(text: str, fact: LedgerSpan) -> Question:
    before = text[max(0, fact.start - AROUND) : fact.start].split(" ", 1)[-1]
    after = text[fact.end : fact.end + AROUND].rsplit(" ", 1)[0]
    return Question(" ".join(f"{before}{BLANK}{after}".split()), fact.text, fact.kind)


def ask(memory: OpticalMemory, question: Question) -> Asked:
    """Recall the best pages and turns, and look for the answer in them."""
    start = time.perf_counter()
    query = question.question.replace(BLANK, " ")
    found = memory.recall(query, k=BEST)
    seconds = time.perf_counter() - start
    asked = (question.question, question.answer, question.kind)
    for rank, best in enumerate(found, 1):
        if place := _place(best, question.answer):
            excerpt = best.excerpt(f"{query} {question.answer}", EXCERPT)
            return Asked(
                *asked,
                rank,
                best.rung or "text",
                *_trust(best, *place),
                best.provenance,
                excerpt,
                seconds,
            )
    told = (
        (found[0].provenance, found[0].excerpt(query, EXCERPT)) if found else ("nothing found", "")
    )
    return Asked(*asked, None, None, None, None, *told, seconds)


def _place(found: Recollection, answer: str) -> tuple[int, int] | None:
    """Where the answer stands in the text as read; line ends may stand for its blanks."""
    match = re.search(r"\s+".join(map(re.escape, answer.split())), found.text)
    return match.span() if match else None


def _trust(found: Recollection, start: int, end: int) -> tuple[Status, float]:
    """Status and probability of the least certain part of a passage."""
    spans = [span for span in found.spans if span.start < end and span.end > start]
    worst = min(spans, key=lambda span: (_RANKS.index(span.status), span.p))
    return worst.status, worst.p

"""Ranking: how early the turns, or the sessions, that answer a question stand in a ranking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optical_memory.measure.finding.baselines import Bm25Index
from optical_memory.measure.finding.evidence import ALL_KINDS
from optical_memory.measure.finding.intervals import interval, share
from optical_memory.measure.finding.questions.question_set import EvidenceQuestion, QuestionSet
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Method

__all__ = [
    "Rank",
    "RetrievalRow",
    "rank_method",
    "rank_sessions",
    "retrieval_rows",
]

WHOLE_SESSIONS = "bm25-sessions"
"""The baseline that ranks each session as a document."""


@dataclass(frozen=True, slots=True)
class RetrievalRow:
    """How well a method ranks the turns or the sessions.

    `hits`: of how many questions any gold turn or session is among the first 1, 5 and 10.
    `all_at_5`: of how many all are among the first 5. `mrr` is the mean reciprocal rank of the
    first.
    """

    method: str
    unit: str
    kind: str
    n_questions: int
    hits: Mapping[int, float]
    all_at_5: float
    mrr: float
    ci95: Mapping[str, tuple[float, float]]

    def fields(self) -> dict[str, Any]:
        """The row as JSON has it: `hit@1`, `hit@5`, `hit@10`, `all@5`, `mrr`."""
        return {
            "method": self.method,
            "unit": self.unit,
            "kind": self.kind,
            "n_questions": self.n_questions,
            **{f"hit@{k}": value for k, value in self.hits.items()},
            "all@5": self.all_at_5,
            "mrr": self.mrr,
            "ci95": dict(self.ci95),
        }


@dataclass(frozen=True, slots=True)
class Rank:
    """The ranks from 1 of a question's gold turns or sessions; None for any that was not found."""

    method: str
    unit: str
    kind: str
    ranks: tuple[int | None, ...]

    def has_hit(self, k: int) -> bool:
        """True if any gold turn or session is among the first `k`."""
        return any(rank is not None and rank <= k for rank in self.ranks)

    def has_all(self, k: int) -> bool:
        """True if every gold turn or session is among the first `k`."""
        return all(rank is not None and rank <= k for rank in self.ranks)

    @property
    def reciprocal(self) -> float:
        """1 / the first rank, 0 if nothing was found."""
        ranks = [rank for rank in self.ranks if rank is not None]
        return 1 / min(ranks) if ranks else 0.0


def rank_method(method: Method, questions: QuestionSet, limit: int | None = None) -> Iterator[Rank]:
    """The ranks of turns and of sessions, for each of the first `limit` questions."""
    sessions = questions.sessions
    for question in questions.questions[:limit]:
        turn_ids = method.ranking(question.text)
        yield _rank(method.name, "turn", question, question.turn_ids, turn_ids)
        gold = [sessions[id] for id in question.turn_ids]
        order = [sessions[id] for id in turn_ids if id in sessions]
        yield _rank(method.name, "session", question, gold, order)


def rank_sessions(questions: QuestionSet, limit: int | None = None) -> Iterator[Rank]:
    """The ranks of sessions by BM25 over whole sessions."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    transcript = Transcript(questions.conversation.turns)
    for turn, text in zip(transcript.turns, transcript.texts, strict=True):
        texts[questions.sessions[turn.id or ""]].append(text)
    names = list(texts)
    index = Bm25Index(["\n".join(lines) for lines in texts.values()])
    for question in questions.questions[:limit]:
        gold = [questions.sessions[id] for id in question.turn_ids]
        order = [names[number] for number in index.order(question.text)]
        yield _rank(WHOLE_SESSIONS, "session", question, gold, order)


def _rank(
    method: str,
    unit: str,
    question: EvidenceQuestion,
    gold: Sequence[str],
    order: Sequence[str],
) -> Rank:
    places = {name: rank for rank, name in enumerate(dict.fromkeys(order), 1)}
    ranks = tuple(places.get(name) for name in dict.fromkeys(gold))
    return Rank(method, unit, question.kind, ranks)


def retrieval_rows(
    ranks: Sequence[Rank], *, by_kind: bool = False, seed: int = 0
) -> list[RetrievalRow]:
    """A row for each unit and method, and with `by_kind` for each kind of question too."""
    groups: defaultdict[tuple[str, str, str], list[Rank]] = defaultdict(list)
    for rank in ranks:
        groups[rank.unit, rank.method, ALL_KINDS].append(rank)
        if by_kind:
            groups[rank.unit, rank.method, rank.kind].append(rank)
    in_order = sorted(groups, key=lambda group: (group[0] != "turn", group[2] != ALL_KINDS))
    return [_row(group[2], groups[group], seed) for group in in_order]


def _row(kind: str, ranks: Sequence[Rank], seed: int) -> RetrievalRow:
    has_all = [rank.has_all(5) for rank in ranks]
    in_first = [rank.has_hit(1) for rank in ranks]
    return RetrievalRow(
        method=ranks[0].method,
        unit=ranks[0].unit,
        kind=kind,
        n_questions=len(ranks),
        hits={k: share([rank.has_hit(k) for rank in ranks]) for k in (1, 5, 10)},
        all_at_5=share(has_all),
        mrr=round(float(np.mean([rank.reciprocal for rank in ranks])), 4),
        ci95={"hit@1": interval(in_first, seed), "all@5": interval(has_all, seed)},
    )

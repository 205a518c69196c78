"""Evidence: how much of what answers a question stands in the window that a method fills."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optical_memory.counting import count_batch
from optical_memory.measure.finding.intervals import interval, share
from optical_memory.measure.finding.judge import Presence, WindowText
from optical_memory.measure.finding.questions.question_set import (
    EvidenceQuestion,
    QuestionSet,
    evidence_text,
)
from optical_memory.measure.finding.transcript import plain_text
from optical_memory.measure.finding.window import Method

__all__ = [
    "ALL_KINDS",
    "Budget",
    "EvidenceRow",
    "Outcome",
    "ask_method",
    "evidence_rows",
]

ALL_KINDS = "all"
"""The kind of a row that is about all questions."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of a window: a share of the conversation's tokens, or a number."""

    share: float | None = None
    tokens: int | None = None

    def of(self, n_history_tokens: int) -> int:
        """The tokens for a conversation that costs so many."""
        if self.tokens is not None:
            return self.tokens
        return int((self.share or 0) * n_history_tokens)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A window for a question: what stands in it, and what it cost."""

    method: str
    budget: Budget
    kind: str
    presences: tuple[Presence, ...]
    window_tokens: int
    cpu_ms: float
    seconds: float

    @property
    def flags(self) -> dict[str, bool]:
        """What is so of the question's evidence, by the field of the row."""
        handed_over = [presence.is_handed_over for presence in self.presences]
        touches = [presence.is_touched for presence in self.presences]
        return {
            "any": any(handed_over),
            "all": all(handed_over),
            "evidence_legible": all(presence.is_legible for presence in self.presences),
            "touched": any(touches),
            "all_touched": all(touches),
        }


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A method at a budget, over all questions or those of a kind.

    `any` and `all`: any, or all, of a question's evidence turns are handed over (`judge`).
    `evidence_legible`: all of them stand there with at least 95 % of their characters right.
    `touched` and `all_touched` count turns of which a piece is there. `window_tokens` is the mean
    cost of a window. `ci95` has the interval of each share. `seconds` are those of all windows.
    """

    method: str
    kind: str
    budget_share: float | None
    budget_tokens: int | None
    window_tokens: float
    n_questions: int
    any: float
    all: float
    evidence_legible: float
    touched: float
    all_touched: float
    ci95: Mapping[str, tuple[float, float]]
    cpu_ms_p50: float
    cpu_ms_p95: float
    seconds: float


# ---- windows -------------------------------------------------------------------------------------


def ask_method(
    method: Method, questions: QuestionSet, budgets: Sequence[Budget], limit: int | None = None
) -> Iterator[Outcome]:
    """The outcomes of the first `limit` questions at all budgets. Judging takes no time of theirs.

    Raises `AssertionError` if a method takes more tokens than it may.
    """
    turns = questions.conversation.turns
    n_history_tokens = sum(count_batch(plain_text(turn) for turn in turns))
    texts = {turn.id: evidence_text(turn) for turn in turns}
    for question in questions.questions[:limit]:
        evidence = [texts[id] for id in question.turn_ids]
        for budget in budgets:
            yield _outcome(method, question, evidence, budget, budget.of(n_history_tokens))


def _outcome(
    method: Method,
    question: EvidenceQuestion,
    evidence: Sequence[str],
    budget: Budget,
    n_tokens: int,
) -> Outcome:
    start = time.perf_counter()
    cpu_start = time.process_time()
    window = method.window(question.text, n_tokens)
    cpu_ms = 1_000 * (time.process_time() - cpu_start)
    seconds = time.perf_counter() - start
    if window.n_tokens > n_tokens:
        raise AssertionError(f"{method.name} took {window.n_tokens} tokens of {n_tokens}")
    text = WindowText(window.texts)
    return Outcome(
        method=method.name,
        budget=budget,
        kind=question.kind,
        presences=tuple(text.presence(turn) for turn in evidence),
        window_tokens=window.n_tokens,
        cpu_ms=cpu_ms,
        seconds=seconds,
    )


# ---- rows ----------------------------------------------------------------------------------------


def evidence_rows(
    outcomes: Sequence[Outcome], *, by_kind: bool = False, seed: int = 0
) -> list[EvidenceRow]:
    """A row for each budget and method, and with `by_kind` for each kind of question too."""
    groups: defaultdict[tuple[str, Budget, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.method, outcome.budget, ALL_KINDS].append(outcome)
        if by_kind:
            groups[outcome.method, outcome.budget, outcome.kind].append(outcome)
    budgets = list(dict.fromkeys(outcome.budget for outcome in outcomes))
    in_order = sorted(groups, key=lambda group: (group[2] != ALL_KINDS, budgets.index(group[1])))
    return [_row(group[2], groups[group], seed) for group in in_order]


def _row(kind: str, outcomes: Sequence[Outcome], seed: int) -> EvidenceRow:
    flags = [outcome.flags for outcome in outcomes]
    by_field = {name: [flag[name] for flag in flags] for name in flags[0]}
    shares = {name: share(values) for name, values in by_field.items()}
    cpu_ms = [outcome.cpu_ms for outcome in outcomes]
    return EvidenceRow(
        method=outcomes[0].method,
        kind=kind,
        budget_share=outcomes[0].budget.share,
        budget_tokens=outcomes[0].budget.tokens,
        window_tokens=round(float(np.mean([o.window_tokens for o in outcomes])), 1),
        n_questions=len(outcomes),
        **shares,
        ci95={name: interval(values, seed) for name, values in by_field.items()},
        cpu_ms_p50=round(float(np.quantile(cpu_ms, 0.5)), 2),
        cpu_ms_p95=round(float(np.quantile(cpu_ms, 0.95)), 2),
        seconds=round(sum(outcome.seconds for outcome in outcomes), 2),
    )

"""Trials: a planted fact, or a conflict of a data set, asked for once of a memory of some size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optical_memory.counting import count_batch
from optical_memory.measure.finding.judge import WindowText
from optical_memory.measure.finding.product import OpticalMemoryMethod
from optical_memory.measure.finding.questions.question_set import QuestionSet, evidence_text
from optical_memory.measure.finding.transcript import plain_text
from optical_memory.measure.finding.window import Method
from optical_memory.measure.forgetting.contenders import Contender
from optical_memory.measure.forgetting.facts import Fact, FactHistory
from optical_memory.measure.needles.trials import look

__all__ = [
    "CONFLICTS",
    "PLANTED",
    "FactTrial",
    "ask_conflicts",
    "ask_facts",
]

IN_HAND = "text"
"""The form of a fact that is text: in a baseline, or in a turn that stands on no page."""

PLANTED = "planted facts"
CONFLICTS = "conflict questions"

CONFLICT_KINDS = ("knowledge_update", "contradiction_resolution")
"""The kinds of questions whose later evidence replaces or contradicts the earlier (BEAM; a hyphen
for the underscore in LongMemEval).
"""


@dataclass(frozen=True, slots=True)
class FactTrial:
    """A fact asked for once.

    `source` is `PLANTED` or `CONFLICTS`. `share` and `size_tokens` are those of the `Contender`.
    `age` is the share of the conversation after the fact, 0 for the newest turn. `form` is that of
    its page: a rung, "stub" or "forgotten". `is_there`: the value stands in the window character by
    character, or of a conflict, a piece of the newest evidence. `is_silent_error`: the value stands
    there otherwise, and nothing marks it. `is_false_memory`: of a fact that was replaced, the old
    value stands there, and the new does not.
    """

    source: str
    method: str
    share: float | None
    size_tokens: int
    window_tokens: int
    kind: str
    age: float
    form: str
    was_replaced: bool
    is_there: bool
    is_silent_error: bool
    is_false_memory: bool


def ask_facts(
    contender: Contender, history: FactHistory, budget_share: float
) -> Iterator[FactTrial]:
    """A trial for each fact of a history; the window has `budget_share` of the history's tokens."""
    method = contender.method
    budget = int(budget_share * history.n_tokens)
    forms = _forms(contender)
    for fact in history.facts:
        question = fact.planted.needle.questions[0]
        sight, n_window_tokens = look(method, fact.planted, question, budget)
        yield FactTrial(
            source=PLANTED,
            method=method.name,
            share=contender.share,
            size_tokens=contender.size_tokens,
            window_tokens=n_window_tokens,
            kind=fact.planted.needle.kind,
            age=1.0 - fact.planted.depth,
            form=forms.get(fact.planted.turn_id, IN_HAND),
            was_replaced=fact.old is not None,
            is_there=sight.is_exact,
            is_silent_error=sight.is_there and not sight.is_exact and not sight.is_marked,
            is_false_memory=not sight.is_there and _shows_old_value(method, fact, budget),
        )


def _forms(contender: Contender) -> dict[str, str]:
    """The form of the page that each turn stands on, by the turn's id."""
    if not isinstance(contender.method, OpticalMemoryMethod):
        return {}
    forms = {page.id: page.form for page in contender.method.memory.pages()}
    return {turn: forms[page] for turn, page in contender.pages.items()}


def _shows_old_value(method: Method, fact: Fact, budget: int) -> bool:
    """True if the value that was replaced stands in the window."""
    if fact.old is None:
        return False
    sight, _ = look(method, fact.old, fact.old.needle.questions[0], budget)
    return sight.is_exact


def ask_conflicts(
    contender: Contender, questions: QuestionSet, budget_share: float
) -> Iterator[FactTrial]:
    """A trial for each question about facts that changed, as far as it names two turns or more.

    The window has `budget_share` of the conversation's tokens.
    """
    turns = questions.conversation.turns
    places = {turn.id: i for i, turn in enumerate(turns)}
    budget = int(budget_share * sum(count_batch(plain_text(turn) for turn in turns)))
    forms = _forms(contender)
    for question in questions.questions:
        ids = sorted(question.turn_ids, key=lambda id: places[id])
        if question.kind.replace("-", "_") not in CONFLICT_KINDS or len(ids) < 2:
            continue
        window = contender.method.window(question.text, budget)
        text = WindowText(window.texts)
        *old, new = [text.presence(evidence_text(turns[places[id]])).is_touched for id in ids]
        yield FactTrial(
            source=CONFLICTS,
            method=contender.method.name,
            share=contender.share,
            size_tokens=contender.size_tokens,
            window_tokens=window.n_tokens,
            kind=question.kind,
            age=1.0 - places[ids[-1]] / max(1, len(turns) - 1),
            form=forms.get(ids[-1], IN_HAND),
            was_replaced=True,
            is_there=new,
            is_silent_error=False,
            is_false_memory=any(old) and not new,
        )

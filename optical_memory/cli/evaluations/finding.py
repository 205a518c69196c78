"""The commands of `eval` about finding: evidence in a window, and rankings, beside baselines."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from optical_memory.cli.evaluations import options as shared
from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.readers import open_reader

if TYPE_CHECKING:
    from optical_memory.measure.finding.evidence import Budget

__all__ = [
    "evidence",
    "retrieval",
]

EVIDENCE_COLUMNS = {
    "method": "method",
    "kind": "kind",
    "budget": "budget",
    "window_tokens": "window",
    "n_questions": "n",
    "any": "any",
    "all": "all",
    "evidence_legible": "legible",
    "touched": "touched",
    "cpu_ms_p50": "ms p50",
    "cpu_ms_p95": "ms p95",
}
"""The fields of an `EvidenceRow` that people see, and their headings; JSON has all fields."""

RETRIEVAL_COLUMNS = {
    "method": "method",
    "kind": "kind",
    "unit": "unit",
    "n_questions": "n",
    "hit@1": "hit@1",
    "hit@5": "hit@5",
    "hit@10": "hit@10",
    "all@5": "all@5",
    "mrr": "mrr",
}
"""The same of a `RetrievalRow`."""


# ---- eval evidence -------------------------------------------------------------------------------


def evidence(
    input: shared.InputFiles,
    budget_share: Annotated[
        str, typer.Option(help="Windows as shares of the conversation's tokens.")
    ] = "0.25,0.10,0.05",
    budget_tokens: Annotated[str, typer.Option(help="Windows in tokens.")] = "",
    baseline: shared.BaselineNames = "all",
    by_kind: shared.ByKind = False,
    limit: shared.Limit = None,
    text: shared.HasText = False,
    ours: shared.Ours = True,
    semantic: shared.SemanticChoice = "both",
    keep: shared.KeepFolder = None,
    plot: shared.PlotFile = None,
    seed: shared.Seed = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Of how many questions the turns that answer stand in the window, beside baselines."""
    from optical_memory.measure.finding.evidence import Outcome, ask_method, evidence_rows

    budgets = _budgets(budget_share, budget_tokens)
    evaluation = shared.Evaluation("eval evidence", input, open_reader(reader), as_json, seed)
    setting = shared.Setting(baseline, ours, text, keep, semantic, margins=(math.inf, None))
    outcomes: list[Outcome] = []
    for questions, method in evaluation.methods(setting):
        outcomes += ask_method(method, questions, budgets, limit)
    rows = evidence_rows(outcomes, by_kind=by_kind, seed=seed)
    if plot is not None:
        from optical_memory.measure.finding.plots import evidence_plot

        shared.write_plot(plot, evidence_plot(rows))
    evaluation.finish("Evidence in the window", EVIDENCE_COLUMNS, [asdict(row) for row in rows])


def _budgets(shares: str, tokens: str) -> list[Budget]:
    """The budgets of the two options, shares first."""
    from optical_memory.measure.finding.evidence import Budget

    share_numbers = shared.numbers(shares, "--budget-share")
    if any(not 0 < share <= 1 for share in share_numbers):
        raise typer.BadParameter("a share is above 0 and at most 1", param_hint="--budget-share")
    counts = shared.numbers(tokens, "--budget-tokens")
    if any(count < 1 or not count.is_integer() for count in counts):
        raise typer.BadParameter("tokens are whole numbers above 0", param_hint="--budget-tokens")
    budgets = [Budget(share=share) for share in share_numbers]
    budgets += [Budget(tokens=int(count)) for count in counts]
    if not budgets:
        raise typer.BadParameter("name at least one budget", param_hint="--budget-share")
    return budgets


# ---- eval retrieval ------------------------------------------------------------------------------


def retrieval(
    input: shared.InputFiles,
    baseline: shared.BaselineNames = "newest,bm25,bm25-neighbours,dense",
    by_kind: shared.ByKind = False,
    limit: shared.Limit = None,
    text: shared.HasText = False,
    ours: shared.Ours = True,
    semantic: shared.SemanticChoice = "both",
    keep: shared.KeepFolder = None,
    seed: shared.Seed = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """How early the turns, and the sessions, that answer stand in a ranking, beside baselines."""
    from optical_memory.measure.finding.retrieval import (
        Rank,
        rank_method,
        rank_sessions,
        retrieval_rows,
    )

    evaluation = shared.Evaluation("eval retrieval", input, open_reader(reader), as_json, seed)
    setting = shared.Setting(baseline, ours, text, keep, semantic)
    ranks: list[Rank] = []
    for questions, method in evaluation.methods(setting):
        ranks += rank_method(method, questions, limit)
    for questions in evaluation.sets:
        ranks += rank_sessions(questions, limit)
    rows = [row.fields() for row in retrieval_rows(ranks, by_kind=by_kind, seed=seed)]
    evaluation.finish("Ranking", RETRIEVAL_COLUMNS, rows)

"""The command `eval forgetting`: facts that are missing or no longer so, beside baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optical_memory.cli.evaluations import options as shared
from optical_memory.cli.options import AsJson, ReaderName
from optical_memory.cli.output import Run, reader_name
from optical_memory.cli.progress import progress_bars
from optical_memory.readers import open_reader

if TYPE_CHECKING:
    from optical_memory.measure.finding.question_sets import QuestionSet
    from optical_memory.measure.forgetting.contenders import Contender
    from optical_memory.measure.forgetting.facts import FactHistory
    from optical_memory.measure.forgetting.trials import FactTrial

__all__ = [
    "forgetting",
]

COLUMNS = {
    "source": "facts",
    "method": "method",
    "size_share": "size",
    "size_tokens": "tokens",
    "n": "n",
    "false_forgetting": "false forgetting",
    "n_replaced": "replaced",
    "false_memory": "false memory",
    "n_silent_errors": "silent errors",
}
"""The fields of a `ForgettingRow` that people see, and their headings; JSON has all fields."""


def forgetting(
    haystack: Annotated[
        list[Path] | None,
        typer.Option(help="Text or conversations in which facts are planted; repeatable."),
    ] = None,
    questions: Annotated[
        list[Path] | None,
        typer.Option(help="BEAM or LongMemEval: questions about facts that changed; repeatable."),
    ] = None,
    history_tokens: Annotated[int, typer.Option(min=2000, help="Length of a history.")] = 32_000,
    size_share: Annotated[
        str, typer.Option(help="Sizes, as shares of what all pages need at the last rung.")
    ] = "0.1,0.25,0.5,1",
    budget_share: Annotated[
        float, typer.Option(min=0.001, max=1, help="The window as a share of the history.")
    ] = 0.10,
    n: Annotated[int, typer.Option(min=1, help="Planted facts, at least.")] = 300,
    keep: shared.KeepFolder = None,
    plot: shared.PlotFile = None,
    seed: shared.Seed = 0,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Which facts are missing, or no longer so, in memories of the same size."""
    from optical_memory.measure.forgetting.contenders import contenders
    from optical_memory.measure.forgetting.rows import ALL, forgetting_rows

    shares = shared.numbers(size_share, "--size-share")
    if not shares or any(share <= 0 for share in shares):
        raise typer.BadParameter("a share is above 0", param_hint="--size-share")
    page_reader = open_reader(reader)
    run = Run("eval forgetting", as_json, reader_name(page_reader), seed)
    sets = _sets(haystack or [], questions or [], history_tokens, n, seed)
    trials: list[FactTrial] = []
    with progress_bars(as_json) as progress, shared.kept_folder(keep) as folder:
        for number, facts in enumerate(sets):
            progress("Histories", number, len(sets))
            own_folder = folder / str(number)
            own_folder.mkdir(exist_ok=True)
            for contender in contenders(
                facts.conversation, shares, page_reader, own_folder, progress
            ):
                trials += _ask(contender, facts, budget_share)
        progress("Histories", len(sets), len(sets))
    rows = forgetting_rows(trials, seed)
    if plot is not None:
        from optical_memory.measure.forgetting.plot import forgetting_plot

        shared.write_plot(plot, forgetting_plot(rows))
    files = [file.name for file in [*(haystack or []), *(questions or [])]]
    shown = [asdict(row) for row in rows if row.form == row.age == ALL]
    run.finish(
        lambda out: shared.show_rows(out, f"Facts in {', '.join(files)}", COLUMNS, shown, {}),
        [asdict(row) for row in rows],
        input=files,
    )


def _sets(
    haystack: Sequence[Path], questions: Sequence[Path], n_tokens: int, n: int, seed: int
) -> list[FactHistory | QuestionSet]:
    """The histories with planted facts, then the conversations with questions.

    Raises `typer.BadParameter` without any file, `InputError` for a file of another kind.
    """
    from optical_memory.measure.finding.question_sets import read_question_sets
    from optical_memory.measure.forgetting.facts import make_fact_histories
    from optical_memory.measure.needles.histories import read_haystack

    sets: list[FactHistory | QuestionSet] = []
    if haystack:
        sets += make_fact_histories(read_haystack(haystack), n_tokens, n, seed=seed)
    for file in questions:
        sets += read_question_sets(file)
    if not sets:
        raise typer.BadParameter("name a file to plant facts in, or one with questions")
    return sets


def _ask(
    contender: Contender, facts: FactHistory | QuestionSet, budget_share: float
) -> Iterator[FactTrial]:
    from optical_memory.measure.forgetting.facts import FactHistory
    from optical_memory.measure.forgetting.trials import ask_conflicts, ask_facts

    if isinstance(facts, FactHistory):
        return ask_facts(contender, facts, budget_share)
    return ask_conflicts(contender, facts, budget_share)

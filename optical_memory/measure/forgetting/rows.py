"""The rows of `eval forgetting`: trials counted by method and size, and by age and form of page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optical_memory.measure.finding.intervals import interval, share
from optical_memory.measure.forgetting.trials import FactTrial

__all__ = [
    "AGES",
    "ALL",
    "ForgettingRow",
    "forgetting_rows",
]

ALL = "all"
"""Stands in a row for every age or form."""

AGES = 4
"""Bands of age, each a quarter of the conversation, the newest first."""


@dataclass(frozen=True, slots=True)
class ForgettingRow:
    """Facts of a method at a size.

    `source` says where the facts come from (`FactTrial`). `size_share` is a share of the tokens
    that all pages need at the last rung, None without a capacity. `age` is the number of a quarter
    of the conversation, 1 for the newest, and `form` the rung of the fact's page, "stub",
    "forgotten" or "text"; both are "all" in other rows. `false_forgetting` is the share of the
    facts that are not in the window as they were said, `false_memory` that of the replaced facts
    whose old value stands there and the new does not.
    """

    source: str
    method: str
    size_share: float | None
    size_tokens: float
    window_tokens: float
    age: int | str
    form: str
    n: int
    false_forgetting: float
    n_replaced: int
    false_memory: float
    n_silent_errors: int
    ci95: Mapping[str, tuple[float, float]]


_Group = tuple[str, str, float | None, int | str, str]
"""Source, method, share, age and form, which trials of a row have in common."""


def forgetting_rows(trials: Sequence[FactTrial], seed: int = 0) -> list[ForgettingRow]:
    """A row for each method and size; then those by age, and those by form."""
    rows: list[ForgettingRow] = []
    for group_of in (_whole, _by_age, _by_form):
        groups: defaultdict[_Group, list[FactTrial]] = defaultdict(list)
        for trial in trials:
            groups[group_of(trial)].append(trial)
        rows += [_row(group, own_trials, seed) for group, own_trials in groups.items()]
    return rows


def _whole(trial: FactTrial) -> _Group:
    return trial.source, trial.method, trial.share, ALL, ALL


def _by_age(trial: FactTrial) -> _Group:
    return trial.source, trial.method, trial.share, 1 + min(AGES - 1, int(trial.age * AGES)), ALL


def _by_form(trial: FactTrial) -> _Group:
    return trial.source, trial.method, trial.share, ALL, trial.form


def _row(group: _Group, trials: Sequence[FactTrial], seed: int) -> ForgettingRow:
    source, method, size_share, age, form = group
    is_missing = [not trial.is_there for trial in trials]
    is_false = [trial.is_false_memory for trial in trials if trial.was_replaced]
    return ForgettingRow(
        source=source,
        method=method,
        size_share=size_share,
        size_tokens=round(float(np.mean([trial.size_tokens for trial in trials])), 1),
        window_tokens=round(float(np.mean([trial.window_tokens for trial in trials])), 1),
        age=age,
        form=form,
        n=len(trials),
        false_forgetting=share(is_missing),
        n_replaced=len(is_false),
        false_memory=share(is_false),
        n_silent_errors=sum(trial.is_silent_error for trial in trials),
        ci95={
            "false_forgetting": interval(is_missing, seed),
            "false_memory": interval(is_false, seed),
        },
    )

"""The rows of `eval needles`: trials counted by method, length, wording, kind, depth and rung."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optical_memory.measure.finding.intervals import interval, share
from optical_memory.measure.needles.trials import Trial

__all__ = [
    "ALL",
    "NeedleRow",
    "needle_rows",
]

ALL = "all"
"""Stands in a row for every kind, depth or rung."""

DEPTHS = 10
"""Bands of depth, the oldest first."""


@dataclass(frozen=True, slots=True)
class NeedleRow:
    """Needles of a method, at a length of history, in a wording.

    `kind`, `depth` and `rung` are "all", or those of the needles of the row; of `depth`, the row
    has the middle of a tenth. `age_turns` is the mean number of turns since. `found_at_1`,
    `in_context`, `exact` and `silent_errors` are shares: `exact` and `silent_errors` of the needles
    in the window. `rungs` has the share of the needles that stand at each rung.
    """

    method: str
    wording: str
    kind: str
    depth: float | str
    age_turns: float
    rung: str
    history_tokens: int
    budget_share: float
    window_tokens: float
    n: int
    found_at_1: float
    in_context: float
    exact: float
    silent_errors: float
    n_silent_errors: int
    verified_share: float
    ledger: str
    rungs: Mapping[str, float]
    ci95: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Group:
    """What the trials of a row have in common."""

    method: str
    history_tokens: int
    wording: str
    kind: str = ALL
    depth: float | str = ALL
    rung: str = ALL


def needle_rows(trials: Sequence[Trial], seed: int = 0) -> list[NeedleRow]:
    """A row for each method, length and wording; then those by kind, by rung and by depth."""
    rows: list[NeedleRow] = []
    for group_of in (_whole, _by_kind, _by_rung, _by_depth):
        groups: defaultdict[_Group, list[Trial]] = defaultdict(list)
        for trial in trials:
            groups[group_of(trial)].append(trial)
        rows += [_row(group, own_trials, seed) for group, own_trials in groups.items()]
    return rows


def _whole(trial: Trial) -> _Group:
    return _Group(trial.method, trial.history_tokens, trial.wording)


def _by_kind(trial: Trial) -> _Group:
    return _Group(trial.method, trial.history_tokens, trial.wording, kind=trial.kind)


def _by_rung(trial: Trial) -> _Group:
    return _Group(trial.method, trial.history_tokens, trial.wording, rung=trial.rung)


def _by_depth(trial: Trial) -> _Group:
    tenth = min(DEPTHS - 1, int(trial.depth * DEPTHS))
    depth = (tenth + 0.5) / DEPTHS
    return _Group(trial.method, trial.history_tokens, trial.wording, depth=depth)


def _row(group: _Group, trials: Sequence[Trial], seed: int) -> NeedleRow:
    in_window = [trial for trial in trials if trial.in_context]
    silent_errors = [trial.is_silent_error for trial in in_window]
    first = [trial.found_at_1 for trial in trials]
    in_context = [trial.in_context for trial in trials]
    return NeedleRow(
        method=group.method,
        wording=group.wording,
        kind=group.kind,
        depth=group.depth,
        age_turns=_mean([trial.age_turns for trial in trials], 1),
        rung=group.rung,
        history_tokens=group.history_tokens,
        budget_share=trials[0].budget_share,
        window_tokens=_mean([trial.window_tokens for trial in trials], 1),
        n=len(trials),
        found_at_1=share(first),
        in_context=share(in_context),
        exact=share([trial.is_exact for trial in in_window]),
        silent_errors=share(silent_errors),
        n_silent_errors=sum(silent_errors),
        verified_share=_mean([trial.verified_share or 0.0 for trial in in_window], 4),
        ledger="on",
        rungs=_rungs(trials),
        ci95={"found_at_1": interval(first, seed), "in_context": interval(in_context, seed)},
    )


def _mean(values: Sequence[float], n_digits: int) -> float:
    """The mean of the values, 0 without values."""
    return round(float(np.mean(values)), n_digits) if values else 0.0


def _rungs(trials: Sequence[Trial]) -> dict[str, float]:
    """The share of the needles at each rung."""
    counts = Counter(trial.rung for trial in trials)
    return {rung: round(count / len(trials), 4) for rung, count in sorted(counts.items())}

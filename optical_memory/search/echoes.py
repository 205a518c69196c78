"""Echoes: units that say a question's own words again and little else, or many times the same.

Whoever writes many of them pushes what answers the question out of a window. But a short answer
has the question's words too, and a question that was asked before stands beside its answer. So
nothing is left out: of many echoes the oldest and the newest keep their places, and the others go
behind the best units that are no echoes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from optical_memory.search.candidates import Candidates
from optical_memory.search.index import inverse_frequency

__all__ = [
    "behind_others",
    "repeated_echoes",
    "without_units",
]

COVERAGE = 0.7
"""Share of a question's words, by their weight, that an echo has."""

DENSITY = 0.5
"""Share of an echo's words that are the question's. Less, and it says something of its own."""

MIN_KEYS = 2
"""A question of a single word has no echo: whoever speaks of it says this word."""

STAYING = 2
"""The oldest echo, which may be the question as it was asked first, and the newest, which may be
what is true now.
"""

FIRST_PLACES = 20
"""So many units that are no echoes and have a word of the question go before the echoes, if there
are so many: what is asked for is mostly in the first five turns, and a turn may have several units.
"""

COPIES = 3
"""Units with the same words of the question, as long as each other, that are copies."""

COPY_KEYS = 3
COPY_DENSITY = 0.25
"""Copies have so many words of the question, and so large a share: three people who say "I
volunteer at the shelter" each say something else beside it.
"""

Mask = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float32]


def repeated_echoes(candidates: Candidates) -> Mask:
    """(n_units,) True for echoes of the question between the oldest and the newest."""
    n_units = len(candidates.starts)
    if len(candidates.counts) < MIN_KEYS or n_units < 2:
        return np.zeros(n_units, np.bool_)
    weights = inverse_frequency(candidates.n_with_key, candidates.n_all)
    has_key = candidates.counts > 0
    coverage = weights @ has_key / max(float(weights.sum()), 1e-6)
    (units,) = np.nonzero((coverage >= COVERAGE) & (has_key.sum(0) >= MIN_KEYS))
    if len(units) <= STAYING:
        return np.zeros(n_units, np.bool_)
    n_terms = np.maximum(candidates.n_terms[units], 1)
    density = candidates.counts[:, units].sum(0) / n_terms
    may_copy = (has_key[:, units].sum(0) >= COPY_KEYS) & (density >= COPY_DENSITY)
    is_echo = (density >= DENSITY) | (may_copy & _are_copies(has_key[:, units], n_terms))
    mask = np.zeros(n_units, np.bool_)
    mask[units[is_echo][1:-1]] = True
    return mask


def _are_copies(has_key: npt.NDArray[np.bool_], n_terms: npt.NDArray[np.int32]) -> Mask:
    """(n,) True for units that have the same keys and about the same length as two others."""
    shapes = np.concatenate([has_key, [np.log2(n_terms).round() + 2]]).T
    _, places, counts = np.unique(shapes, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[places.ravel()] >= COPIES, np.bool_)


def without_units(candidates: Candidates, mask: Mask) -> Candidates:
    """The candidates as if these units had no words: nothing is compared with them."""
    counts = candidates.counts.copy()
    n_with_key = candidates.n_with_key - (counts[:, mask] > 0).sum(1).astype(np.int32)
    sitting_counts = candidates.sitting_counts.copy()
    sitting_terms = candidates.sitting_terms.copy()
    for unit in np.nonzero(mask)[0]:
        sitting = candidates.sittings[unit]
        sitting_counts[:, sitting] -= counts[:, unit]
        sitting_terms[sitting] -= candidates.n_terms[unit]
    counts[:, mask] = 0
    vectors = candidates.vectors
    if len(vectors):
        vectors = vectors.copy()
        vectors[mask] = 0
    return replace(
        candidates,
        counts=counts,
        n_with_key=n_with_key,
        n_all=max(1, candidates.n_all - int(mask.sum())),
        n_terms=np.where(mask, 0, candidates.n_terms).astype(np.int32),
        sitting_counts=np.maximum(sitting_counts, 0),
        sitting_terms=np.maximum(sitting_terms, 1),
        vectors=vectors,
    )


def behind_others(own_scores: Scores, scores: Scores, echoes: Mask, others: Mask) -> Scores:
    """(n_units,) The scores, with those of the echoes behind the first places of the others.

    `own_scores` are those that the echoes have by their words; among each other they keep them.
    """
    first_places = np.sort(scores[others & ~echoes])[-FIRST_PLACES:]
    if not len(first_places):
        return np.where(echoes, own_scores, scores)
    best = float(own_scores[echoes].max())
    shift = max(0.0, best - np.nextafter(first_places[0], -np.inf, dtype=np.float32))
    return np.where(echoes, own_scores - shift, scores).astype(scores.dtype)

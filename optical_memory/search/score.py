"""Scores: how well each unit answers a question, by a linear model over a few features.

The weights are data (`weights.py`); `training/fit_search.py` fitted them.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from optical_memory.search.candidates import Candidates
from optical_memory.search.index import SATURATION, Float, inverse_frequency
from optical_memory.search.question import Question
from optical_memory.search.segment import ASKS, CALLS, NUMBERS, ROLES
from optical_memory.search.weights import WEIGHTS

__all__ = [
    "features",
    "has_identifier",
    "rate",
]

Double = npt.NDArray[np.float64]

Number = TypeVar("Number", np.float32, np.float64)

LEAST_SUM = 1e-5
"""Neighbours whose sum has so small a share of their squares cancel each other: what is left of it
is the error of 32 bits.
"""

LENGTH_SHARE = 0.75
"""BM25's b: how much a long text counts less (Robertson and Zaragoza 2009)."""

LENGTH_SPREAD = 0.3
"""The least deviation of the logarithms of lengths: if all texts are about as long, a character
more or less says nothing.
"""

MEANT = 0.4
"""The cosine from which a unit is relevant without a word of the question.

On the development data 95 of 100 questions about another conversation have no unit above 0.38, and
95 of 100 about this conversation have one above 0.44 (LoCoMo) or 0.36 (BEAM).
"""

WINDOWS = (0, 1, 3)
"""Units before and after a unit that its windows hold."""


def rate(
    candidates: Candidates, question: Question, vector: Float | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(n_units,) The score of each candidate, higher is better; (n_units,) if it is relevant.

    A unit is relevant if it has a key or a time of the question, or stands beside a unit that has,
    or if its meaning is near that of the question.
    `vector` is the question's by the embedder of the candidates' vectors, None without vectors.
    """
    total = np.zeros(len(candidates.starts), np.float32)
    for name, values in features(candidates, question, vector).items():
        total += np.float32(WEIGHTS[name]) * values
    in_month = candidates.named_days.are_named(candidates.days)
    counts = _windows(candidates.counts, candidates.runs, WINDOWS[-1])
    is_relevant = (counts > 0).any(0) | in_month
    if vector is not None and len(candidates.mean_vector):
        is_relevant |= _is_meant(candidates, vector)
    return total, is_relevant


def features(
    candidates: Candidates, question: Question, vector: Float | None = None
) -> dict[str, Float]:
    """The features of each candidate, (n_units,) each, by name.

    Scores of BM25, cosines and lengths are in standard deviations above the mean of the session.
    The other features are 1 or 0.
    """
    is_user = candidates.roles == ROLES.index("user")
    is_assistant = candidates.roles == ROLES.index("assistant")
    is_call = (candidates.flags & CALLS) > 0
    has_role_only = candidates.speakers < 0
    flags: dict[str, npt.NDArray[np.bool_]] = {
        "speaker": _speaks(candidates, question),
        "asks": (candidates.flags & ASKS) > 0,
        "number": ((candidates.flags & NUMBERS) > 0) & question.asks_for_number,
        "month": candidates.named_days.are_named(candidates.days),
        "day": candidates.named_days.are_single(candidates.days),
        "my": is_user & has_role_only & question.says_i,
        "assistant": is_assistant & has_role_only & ~is_call,
        "call": is_assistant & has_role_only & is_call,
        "your": is_assistant & has_role_only & question.says_you,
        "told": is_assistant & has_role_only & question.asks_what_you_said,
    }
    values = _bm25_features(candidates) | _meaning_features(candidates, vector)
    lengths = np.log1p(candidates.ends - candidates.starts)
    values["length"] = _normal(lengths, None, LENGTH_SPREAD)
    return values | {name: flag.astype(np.float32) for name, flag in flags.items()}


def _bm25_features(candidates: Candidates) -> dict[str, Float]:
    """BM25 of the unit, of its windows, and of its sitting, each normalised."""
    idf = inverse_frequency(candidates.n_with_key, candidates.n_all)
    values: dict[str, Float] = {}
    for size in WINDOWS:
        counts = _windows(candidates.counts, candidates.runs, size)
        lengths = _windows(candidates.n_terms[None].astype(np.float32), candidates.runs, size)[0]
        scores = _bm25(counts, lengths, candidates.mean_terms * (2 * size + 1), idf)
        values[f"window_{size}"] = _normal(scores, candidates.n_all)
    n_sittings = len(candidates.sitting_terms)
    n_with_key = (candidates.sitting_counts > 0).sum(1).astype(np.int32)
    scores = _bm25(
        candidates.sitting_counts,
        candidates.sitting_terms,
        float(candidates.sitting_terms.mean()) if n_sittings else 1.0,
        inverse_frequency(n_with_key, n_sittings),
    )
    values["sitting"] = _normal(scores[candidates.sittings], None)
    return values


def _meaning_features(candidates: Candidates, vector: Float | None) -> dict[str, Float]:
    """Cosines of the question with the unit, and with the unit and its neighbours, normalised."""
    if vector is None or not len(candidates.mean_vector):
        return {}
    vectors = candidates.vectors.astype(np.float32)
    cosines = _cosines(vectors, candidates.runs, candidates.mean_vector, vector)
    return {f"meaning_{size}": _normal(values, None) for size, values in enumerate(cosines)}


def _is_meant(candidates: Candidates, vector: Float) -> npt.NDArray[np.bool_]:
    """True for units whose vector alone is near the question's."""
    vectors = candidates.vectors.astype(np.float32)
    lengths = _lengths(vectors) * np.linalg.norm(vector)
    is_near: npt.NDArray[np.bool_] = vectors @ vector >= MEANT * np.maximum(lengths, 1e-6)
    return is_near


def _cosines(
    vectors: Float, runs: npt.NDArray[np.int32], mean: Float, question: Float
) -> tuple[Float, Float]:
    """(n_units,) Cosines of the question with each unit, and with it and its two neighbours.

    Vectors, (n_units, dim) and (dim,), count from their mean over the session; units without a
    vector have 0. The sums of neighbours are never made: lengths and products of sums follow from
    products of units, which is faster (LOG.md).
    """
    difference = question - mean
    to_both = vectors @ np.stack([difference, mean], 1).astype(np.float32)
    is_known = np.asarray(vectors.any(1))
    to_question: Double = np.where(is_known, to_both[:, 0] - mean @ difference, 0)
    products = [
        _products_from_mean(vectors, to_both[:, 1], is_known, float(mean @ mean), distance)
        for distance in range(3)
    ]
    sums = _windows(products[0][None], runs, 1)[0]
    squares = sums.copy()
    has_next = runs[1:] == runs[:-1]
    squares[1:] += 2 * products[1] * has_next
    squares[:-1] += 2 * products[1] * has_next
    squares[1:-1] += 2 * products[2] * (has_next[1:] & has_next[:-1])
    squares[squares < LEAST_SUM * sums] = 0
    return (
        _cosine(to_question, products[0], difference),
        _cosine(_windows(to_question[None], runs, 1)[0], squares, difference),
    )


def _products_from_mean(
    vectors: Float,
    to_mean: Float,
    is_known: npt.NDArray[np.bool_],
    mean_square: float,
    distance: int,
) -> Double:
    """(n_units - distance,) Products of vectors that stand so far apart, counted from the mean."""
    n = max(0, len(vectors) - distance)
    products = np.einsum("ij,ij->i", vectors[:n], vectors[distance:], dtype=np.float32)
    from_mean = mean_square - to_mean[:n] - to_mean[distance:]
    differences: Double = products.astype(np.float64) + from_mean
    return np.where(is_known[:n] & is_known[distance:], differences, 0)


def _cosine(products: Double, squares: Double, question: Float) -> Float:
    """(n_units,) Cosines from products with the question and squares of lengths; 0 if there is no
    length.
    """
    lengths = np.sqrt(np.maximum(squares, 0)) * np.linalg.norm(question)
    cosines = np.where(lengths > 0, products / np.maximum(lengths, 1e-6), 0)
    return cosines.astype(np.float32)


def _lengths(vectors: Float) -> Float:
    """(n,) The lengths of n vectors; faster than `numpy.linalg.norm` along an axis."""
    lengths: Float = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)).astype(np.float32)
    return lengths


def _bm25(counts: Float, lengths: Float, mean_length: float, idf: Float) -> Float:
    """(n,) BM25 of n texts: `counts` is (n_keys, n), `lengths` (n,), `idf` (n_keys,)."""
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths / max(mean_length, 1e-6))
    saturated = counts * (SATURATION + 1) / (counts + norm.astype(np.float32))
    return np.asarray(idf @ saturated, np.float32)


def _windows(
    values: npt.NDArray[Number], runs: npt.NDArray[np.int32], size: int
) -> npt.NDArray[Number]:
    """Sums over each unit and `size` units before and after it in the same run; (rows, n)."""
    if size == 0:
        return values
    windows = values.copy()
    for distance in range(1, size + 1):
        is_same_run = runs[distance:] == runs[:-distance]
        windows[:, distance:] += values[:, :-distance] * is_same_run
        windows[:, :-distance] += values[:, distance:] * is_same_run
    return windows


def _normal(
    values: npt.NDArray[np.floating], n_all: int | None, least_deviation: float = 1e-6
) -> Float:
    """Values in standard deviations above their mean.

    With `n_all`, the values are those above 0 among so many.
    """
    n = n_all or len(values)
    if n == 0:
        return np.zeros(0, np.float32)
    mean = values.sum(dtype=np.float64) / n
    variance = np.square(values, dtype=np.float64).sum() / n - mean**2
    if variance <= 1e-12:
        return np.zeros(len(values), np.float32)
    deviation = max(np.sqrt(variance), least_deviation)
    normal: Float = ((values - mean) / deviation).astype(np.float32)
    return normal


def has_identifier(candidates: Candidates, question: Question) -> npt.NDArray[np.bool_]:
    """True for units with a number or a code of the question."""
    matches: npt.NDArray[np.bool_] = np.any(candidates.counts[list(question.identifiers)] > 0, 0)
    return matches


def _speaks(candidates: Candidates, question: Question) -> npt.NDArray[np.bool_]:
    """True for units of a speaker whom the question names."""
    is_asked = [question.names_speaker(name) for name in candidates.names]
    return np.array([*is_asked, False], np.bool_)[candidates.speakers]

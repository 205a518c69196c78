"""CPU time of the package beside a baseline: measured in turn, shown at a quantile."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from optical_memory.measure.bench.setup import BenchRow

__all__ = [
    "MEDIAN",
    "P95",
    "TOKENIZER_THREADS",
    "Times",
    "cpu_ms",
    "old_objects_aside",
    "time_in_turn",
    "time_row",
]

MEDIAN = 0.5
P95 = 0.95

UNIT = "ms of CPU"

TOKENIZER_THREADS = "TOKENIZERS_PARALLELISM"
"""The environment variable of tokenizers, which reads it at every call."""

Item = TypeVar("Item")
Times = npt.NDArray[np.float64]
"""(n,) milliseconds."""


def cpu_ms(work: Callable[[], object]) -> float:
    """The CPU time of this process while it does some work with a single thread, in ms."""
    with _single_thread():
        start = time.process_time()
        work()
        return (time.process_time() - start) * 1_000


@contextmanager
def old_objects_aside() -> Iterator[None]:
    """Let Python's garbage collector pass over all objects that there are already.

    Those of the bench and its libraries would count for whoever is timed when it collects. It still
    looks through all that is made meanwhile, such as an opened session.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _single_thread() -> Iterator[None]:
    """Let tokenizers and torch use a single thread: those that wait for others use CPU time too.

    Torch is asked only if it is loaded.
    """
    torch = sys.modules.get("torch")
    n_threads = torch.get_num_threads() if torch else 1
    setting = os.environ.get(TOKENIZER_THREADS)
    try:
        os.environ[TOKENIZER_THREADS] = "false"
        if torch:
            torch.set_num_threads(1)
        yield
    finally:
        del os.environ[TOKENIZER_THREADS]
        if setting is not None:
            os.environ[TOKENIZER_THREADS] = setting
        if torch:
            torch.set_num_threads(n_threads)


def time_in_turn(
    works: Sequence[Callable[[Item], object]], items: Iterable[Item]
) -> tuple[Times, ...]:
    """The times of each work, an array each, when all do every item in turn."""
    rows = [[cpu_ms(partial(work, item)) for work in works] for item in items]
    return tuple(np.array(rows).T)


def time_row(
    name: str, times: Times, baseline: Times, baseline_name: str, quantile: float = MEDIAN
) -> BenchRow:
    """The row of two quantiles of times; its name says which: p50 or p95."""
    package_ms = float(np.quantile(times, quantile))
    baseline_ms = float(np.quantile(baseline, quantile))
    title = f"{name}, p{100 * quantile:.0f}"
    ratio = baseline_ms / package_ms
    return BenchRow(title, package_ms, baseline_ms, baseline_name, ratio, UNIT)

"""A value that loads once, whatever threads do, and one load at a time in the process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from optical_memory.readers.locked_property import locked_cached_property


class Model:
    """A model that counts how often it loads, and how many models load at the same time."""

    loading = 0
    most_loading = 0
    counting = threading.Lock()

    def __init__(self, failures: int = 0, others: tuple[Model, ...] = ()) -> None:
        self.n_loads = 0
        self.failures = failures
        self.others = others

    @locked_cached_property
    def weights(self) -> list[int]:
        """The weights."""
        with Model.counting:
            Model.loading += 1
            Model.most_loading = max(Model.most_loading, Model.loading)
        try:
            return self._load()
        finally:
            with Model.counting:
                Model.loading -= 1

    def _load(self) -> list[int]:
        self.n_loads += 1
        threading.Event().wait(0.01)  # other threads get their turn
        if self.n_loads <= self.failures:
            raise OSError(f"load {self.n_loads} failed")
        return [self.n_loads, *(other.weights[0] for other in self.others)]


def _weights_in_threads(models: list[Model]) -> list[list[int]]:
    """What every thread gets, all of them asking at the same moment."""
    start = threading.Barrier(len(models))

    def ask(model: Model) -> list[int]:
        start.wait()
        return model.weights

    with ThreadPoolExecutor(len(models)) as pool:
        return list(pool.map(ask, models))


def test_a_value_loads_once_however_many_threads_ask() -> None:
    model = Model()
    answers = _weights_in_threads([model] * 8)
    assert model.n_loads == 1
    assert all(answer is model.weights for answer in answers)


def test_every_instance_has_a_value_of_its_own() -> None:
    first = Model()
    second = Model()
    assert first.weights is not second.weights


def test_one_value_loads_at_a_time_in_the_process() -> None:
    Model.most_loading = 0
    _weights_in_threads([Model() for _ in range(6)])
    assert Model.most_loading == 1


def test_a_load_that_raises_is_tried_again_by_the_next_access() -> None:
    model = Model(failures=2)
    for number in (1, 2):
        with pytest.raises(OSError, match=f"load {number} failed"):
            _ = model.weights
    assert model.weights == [3]
    assert model.weights == [3]
    assert model.n_loads == 3


def test_a_load_that_raises_in_one_thread_does_not_stop_the_next_thread() -> None:
    model = Model(failures=1)
    with pytest.raises(OSError, match="load 1 failed"):
        _weights_in_threads([model] * 4)
    assert model.weights == [2]


def test_a_load_may_load_another_value() -> None:
    assert Model(others=(Model(),)).weights == [1, 1]


def test_a_value_that_is_loaded_is_read_without_the_lock() -> None:
    model = Model()
    weights = model.weights
    with ThreadPoolExecutor(1) as pool:
        from optical_memory.readers.locked_property import LOADING

        with LOADING:  # held by this thread; the other thread reads all the same
            assert pool.submit(lambda: model.weights).result(timeout=10) is weights


def test_the_property_of_the_class_keeps_the_docstring() -> None:
    assert Model.weights.__doc__ == "The weights."

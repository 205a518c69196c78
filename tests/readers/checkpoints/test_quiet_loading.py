"""Loading shows no progress bar, and the user's own setting for bars stays as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from transformers.utils import logging

from optical_memory.readers.checkpoints.quiet_loading import quiet_loading
from optical_memory.readers.locked_property import LOADING


@pytest.fixture(autouse=True)
def bars_shown() -> Iterator[None]:
    """transformers shows bars, as it does unless the environment says otherwise."""
    shown_before = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    yield
    if not shown_before:
        logging.disable_progress_bar()


def show_bar() -> list[int]:
    """What transformers does while it loads weights."""
    return list(logging.tqdm(range(3), desc="Loading weights"))


def test_no_bar_is_shown_while_a_model_loads(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_loading():
        assert show_bar() == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_bars_are_shown_again_after_a_load(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_loading():
        pass
    show_bar()
    assert "Loading weights" in capsys.readouterr().err


def test_bars_are_shown_again_after_a_load_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="no file"), quiet_loading():
        raise OSError("no file")
    show_bar()
    assert "Loading weights" in capsys.readouterr().err


def test_bars_of_other_threads_are_shown_during_a_load(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_loading(), ThreadPoolExecutor(1) as pool:
        pool.submit(show_bar).result()
    assert "Loading weights" in capsys.readouterr().err


def test_the_users_own_hook_goes_on_seeing_every_bar() -> None:
    bars: list[dict[str, object]] = []

    def hook(factory, args, options):
        bars.append(dict(options))
        return factory(*args, **options)

    previous = logging.set_tqdm_hook(hook)
    try:
        with quiet_loading():
            show_bar()
        show_bar()
    finally:
        assert logging.set_tqdm_hook(previous) is hook
    assert [bar.get("disable", False) for bar in bars] == [True, False]


def test_a_load_within_a_load_is_as_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_loading():
        with quiet_loading():
            show_bar()
        show_bar()
    assert capsys.readouterr().err == ""


def test_one_model_loads_at_a_time() -> None:
    free_to_load = threading.Event()

    def load() -> None:
        with quiet_loading():
            free_to_load.set()

    with ThreadPoolExecutor(1) as pool:
        with LOADING:
            loading = pool.submit(load)
            assert not free_to_load.wait(0.05)
        loading.result(timeout=10)
    assert free_to_load.is_set()

"""The benches of sessions at a small size: their rows, names and ratios."""

from __future__ import annotations

import gc
import os
import time

import numpy as np
import pytest
import torch

from optical_memory.measure.bench.benches import BENCHES, BenchName
from optical_memory.measure.bench.cpu_time import (
    P95,
    TOKENIZER_THREADS,
    cpu_ms,
    old_objects_aside,
    time_in_turn,
    time_row,
)
from optical_memory.measure.bench.finding import QUESTIONS
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.readers import open_reader
from optical_memory.readers.pocket.reader import PocketReader

CPU = "ms of CPU"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> BenchInputs:
    reader = open_reader("pocket")
    assert isinstance(reader, PocketReader)
    return BenchInputs(
        reader,
        tmp_path_factory.mktemp("bench"),
        n_pages=30,
        n_few_pages=5,
        n_encrypted_pages=8,
        n_messages=100,
        n_result_chars=40_000,
        n_planned_pages=200,
        n_loaded_messages=20_000,
    )


def rows_of(inputs: BenchInputs, name: BenchName) -> list[BenchRow]:
    """The rows of a bench, each with positive numbers and their ratio."""
    rows = list(BENCHES[name](inputs))
    for row in rows:
        assert row.ours > 0
        assert row.baseline > 0
        assert row.ratio == pytest.approx(row.baseline / row.ours)
        assert row.baseline_name
    return rows


@pytest.fixture(scope="module")
def finding_rows(inputs: BenchInputs) -> list[BenchRow]:
    return rows_of(inputs, "find")


def test_finding_has_rows_for_both_sizes_and_for_the_growth_between_them(
    finding_rows: list[BenchRow],
) -> None:
    sizes, growth = finding_rows[:-2], finding_rows[-2:]

    expected: list[str] = []
    for size in ("5 pages", "30 pages"):
        expected += [f"find in {size}, {quantile}" for quantile in ("p50", "p50", "p95", "p95")]
        expected += [f"context of 2,000 tokens, {size}, {quantile}" for quantile in ("p50", "p95")]
    assert [row.name for row in sizes] == expected
    assert {row.unit for row in sizes} == {CPU}
    assert [row.name for row in growth] == [
        "finding, from 5 to 30 pages",
        "context, from 5 to 30 pages",
    ]
    assert {row.unit for row in growth} == {"times as long"}


def test_the_growth_is_that_of_the_medians(finding_rows: list[BenchRow]) -> None:
    ours = {row.name: row.ours for row in finding_rows}
    full_text = {row.name: row.baseline for row in finding_rows if "FTS5" in row.baseline_name}

    name = "finding, from 5 to 30 pages"
    short, long = "find in 5 pages, p50", "find in 30 pages, p50"
    assert ours[name] == pytest.approx(ours[long] / ours[short])
    assert full_text[name] == pytest.approx(full_text[long] / full_text[short])


def test_there_are_forty_questions_each_once() -> None:
    assert len(QUESTIONS) == len(set(QUESTIONS)) == 40


def test_a_long_session_is_opened_written_and_followed(inputs: BenchInputs) -> None:
    rows = rows_of(inputs, "long-session")

    assert [(row.name, row.unit) for row in rows] == [
        ("open 30 pages and find, p50", CPU),
        ("remember a turn, 30 pages, p50", CPU),
        ("context after a turn of another process, 30 pages, p50", CPU),
    ]


def test_a_chat_is_synced_and_compressed_and_takes_a_long_result(inputs: BenchInputs) -> None:
    rows = rows_of(inputs, "chat")

    assert [(row.name, row.unit) for row in rows] == [
        ("sync one message on 100, p50", CPU),
        ("compress 100 messages, p50", CPU),
        ("context after a result of 0.04 MB, p50", CPU),
        ("context after a result of 0.04 MB, p95", CPU),
    ]


def test_a_compaction_is_planned_beside_a_plain_heap(inputs: BenchInputs) -> None:
    rows = rows_of(inputs, "plan")

    assert [row.name for row in rows] == [
        "plan 200 pages, p50",
        "plan 200 pages, p95",
        "plan to condense 200 pages, p50",
        "plan to condense 200 pages, p95",
    ]
    assert {(row.baseline_name, row.unit) for row in rows} == {("a heap of steps", CPU)}


@pytest.mark.slow
def test_an_encrypted_session_is_timed_beside_a_plain_session(inputs: BenchInputs) -> None:
    rows = rows_of(inputs, "encryption")

    assert [row.name for row in rows] == [
        "remember a turn, 248 turns, p50",
        "recall, 248 turns, p50",
        "context, 248 turns, p50",
        "read a page from its tokens, p50",
        "open 248 turns and find, p50",
    ]
    assert {(row.baseline_name, row.unit) for row in rows} == {("the same of a plain session", CPU)}
    assert min(row.ratio for row in rows) > 0.5  # a rough bound: the session is small


@pytest.mark.slow
def test_passages_are_read_from_pictures_and_then_known(inputs: BenchInputs) -> None:
    first, again = rows_of(inputs, "passages")
    inputs.close()

    assert (first.name, again.name) == ("read 3 passages, p50", "read 3 passages again, p50")
    assert again.baseline == first.ours
    assert first.ratio > 1  # three passages are far less than their pages
    assert again.ratio > 1


# ---- CPU time ------------------------------------------------------------------------------------


def test_cpu_time_leaves_waiting_out() -> None:
    assert cpu_ms(lambda: time.sleep(0.2)) < 100
    assert cpu_ms(lambda: sum(range(300_000))) > 0.5


def test_work_is_timed_with_a_single_thread_and_the_setting_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n_threads = torch.get_num_threads()
    settings: list[tuple[str | None, int]] = []
    for setting in (None, "true"):
        if setting is None:
            monkeypatch.delenv(TOKENIZER_THREADS, raising=False)
        else:
            monkeypatch.setenv(TOKENIZER_THREADS, setting)
        cpu_ms(lambda: settings.append((os.environ[TOKENIZER_THREADS], torch.get_num_threads())))
        assert os.environ.get(TOKENIZER_THREADS) == setting

    assert settings == [("false", 1), ("false", 1)]
    assert torch.get_num_threads() == n_threads


def test_old_objects_are_set_aside_for_the_time() -> None:
    with old_objects_aside():
        n_aside = gc.get_freeze_count()

    assert n_aside > 1_000
    assert gc.get_freeze_count() == 0


def test_every_work_does_every_item_in_turn() -> None:
    calls: list[tuple[str, int]] = []
    works = (lambda i: calls.append(("a", i)), lambda i: calls.append(("b", i)))
    times = time_in_turn(works, [1, 2, 3])

    assert calls == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert [len(work_times) for work_times in times] == [3, 3]


def test_a_row_is_a_quantile_of_both() -> None:
    times = np.arange(101.0)
    row = time_row("find", times, 2 * times, "plain", P95)

    assert row == BenchRow("find, p95", 95.0, 190.0, "plain", 2.0, CPU)


def test_loading_is_timed_beside_pythons_own_reader(inputs: BenchInputs) -> None:
    rows = list(BENCHES["load"](inputs))

    assert [row.name for row in rows] == ["load 20,000 messages", "load_file 20,000 messages"]
    for row in rows:
        assert row.unit == "MB a second of CPU"
        assert row.ratio == pytest.approx(row.ours / row.baseline)
        # The promise is 50 MB a second and a quarter of the reader's speed, on a machine at rest.
        assert row.ours > 15
        assert row.ratio > 0.1

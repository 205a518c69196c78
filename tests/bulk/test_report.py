"""The report of bulk work: a session that it calls done is skipped, any other is not."""

from __future__ import annotations

import json
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.many_sessions import (
    NAMES,
    all_skipped,
    fill,
    n_cached,
    none_skipped,
    open_session,
    run,
)

from optical_memory import Turn
from optical_memory.bulk.report import SessionReport
from optical_memory.errors import InputError
from optical_memory.stores import Version, open_store
from optical_memory.testing import TemplateReader


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def lines_of(report: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.read_text().splitlines()]


def write_lines(report: Path, lines: list[dict[str, Any]]) -> None:
    report.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_session_that_the_report_calls_done_is_skipped_until_somebody_writes_to_it(
    url: str, report: Path
):
    fill(url)
    first = run(url, "encode", report=report)
    assert [SessionReport(**line) for line in lines_of(report)] == list(first.values())
    with closing(open_store(url)) as store, open_session(store, "alice") as memory:
        memory.remember(Turn("user", "a new turn"))

    second = run(url, "encode", report=report)

    assert sorted(second) == sorted(NAMES)
    assert [name for name, line in second.items() if not line.skipped] == ["alice"]
    assert len(lines_of(report)) == len(NAMES) + 1
    assert all_skipped(run(url, "encode", report=report))


def test_a_session_that_was_dropped_and_begun_again_is_not_done(url: str, report: Path):
    fill(url)
    first = run(url, "encode", report=report)
    with closing(open_store(url)) as store:
        store.drop("alice")
        fill(url, ["alice"])
        assert store.version("alice").number == first["alice"].version

    second = run(url, "encode", report=report)

    assert [name for name, line in second.items() if not line.skipped] == ["alice"]
    assert second["alice"].done == second["alice"].pages > 0
    assert second["alice"].epoch != first["alice"].epoch


def test_a_line_without_an_epoch_is_read_but_not_believed_of_a_session_that_has_an_epoch(
    file_url: str, report: Path
):
    fill(file_url)
    run(file_url, "encode", report=report)
    lines = lines_of(report)
    assert all(line.pop("epoch") for line in lines)
    write_lines(report, lines)

    assert none_skipped(run(file_url, "encode", report=report))


def test_a_line_of_an_older_program_is_believed_of_a_session_that_began_without_an_epoch():
    line = {"job": "j", "session": "s", "version": 4, "pages": 1, "done": 1}
    report = SessionReport(**line, seconds=0.1, at=1.0)

    assert report.is_of(Version("", 4))
    assert not report.is_of(Version("", 5))
    assert not report.is_of(Version("a", 4))


def test_work_of_another_job_is_not_skipped(file_url: str, report: Path):
    fill(file_url)
    jobs: list[dict[str, Any]] = [
        {"work": "encode"},
        {"work": "encode", "all_rungs": True},
        {"work": "encode", "reader": partial(TemplateReader, revision="2")},
        {"work": "fade", "capacity": 2000},
        {"work": "fade", "capacity": 1000},
        {"work": "certify", "capacity": 1000},
    ]
    for job in jobs:
        lines = run(file_url, report=report, **job).values()
        assert len(lines) == len(NAMES)
        assert [line for line in lines if line.skipped or line.error] == [], job


def test_work_in_another_store_is_not_skipped(tmp_path: Path, report: Path):
    urls = [f"sqlite:///{tmp_path}/{n}.db" for n in range(2)]
    for url in urls:
        fill(url)
        assert none_skipped(run(url, "encode", report=report))
    assert all_skipped(run(urls[0], "encode", report=report))


def test_a_torn_line_is_passed_over_and_the_next_line_starts_anew(file_url: str, report: Path):
    fill(file_url)
    run(file_url, "encode", report=report)
    report.write_text(report.read_text()[:-20], encoding="utf-8")

    second = run(file_url, "encode", report=report)

    assert sum(not line.skipped for line in second.values()) == 1
    assert all_skipped(run(file_url, "encode", report=report))


@pytest.mark.parametrize(
    "change",
    [{"session": ["alice"]}, {"at": "now"}, {"at": None}, {"done": "all"}, {"epoch": 7}],
)
def test_a_line_with_values_of_other_types_is_passed_over(
    change: dict[str, Any], file_url: str, report: Path
):
    fill(file_url)
    run(file_url, "encode", report=report)
    write_lines(report, [line | change for line in lines_of(report)])
    with report.open("a") as file:
        file.write("[" * 100_000 + "\n")

    assert none_skipped(run(file_url, "encode", report=report))


def test_a_store_is_known_by_its_place_whatever_folder_it_is_named_from(
    tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch
):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        fill("sqlite:///m.db")
        assert none_skipped(run("sqlite:///m.db", "encode", report=report))
    assert all_skipped(run(f"sqlite:///{tmp_path}/one/m.db", "encode", report=report))


def test_a_report_older_than_cached_tokens_live_is_not_believed(
    file_url: str, report: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url)
    run(file_url, "encode", report=report)
    today = time.time()
    monkeypatch.setattr(time, "time", lambda: today + 8 * 24 * 3600)

    assert none_skipped(run(file_url, "encode", report=report))


def test_a_report_that_cannot_be_written_is_an_error_before_any_work(file_url: str, tmp_path: Path):
    fill(file_url)

    with pytest.raises(InputError, match="report"):
        run(file_url, "encode", report=tmp_path)
    assert n_cached(file_url) == 0

"""The report of bulk work: what it calls done is skipped, and what it may not call done is not."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.many_sessions import NAMES, cached, fill, run

from optical_memory import OpticalMemory, Turn
from optical_memory.bulk.report import SessionReport
from optical_memory.errors import InputError
from optical_memory.stores import open_store
from optical_memory.testing import TemplateReader


def test_a_session_that_the_report_calls_done_is_skipped_until_somebody_writes_to_it(
    url: str, tmp_path: Path
):
    fill(url)
    report = tmp_path / "report.jsonl"
    first = run(url, "encode", report=report)
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [SessionReport(**line) for line in lines] == list(first.values())
    store = open_store(url)
    with OpticalMemory("alice", store=store, reader=TemplateReader(), background=False) as memory:
        memory.remember(Turn("user", "one more"))
    store.close()

    again = run(url, "encode", report=report)

    assert sorted(again) == sorted(NAMES)
    assert [name for name, found in again.items() if not found.skipped] == ["alice"]
    assert len(report.read_text().splitlines()) == len(NAMES) + 1
    assert all(found.skipped for found in run(url, "encode", report=report).values())


def test_what_another_job_has_done_is_not_skipped(file_url: str, tmp_path: Path):
    fill(file_url)
    report = tmp_path / "report.jsonl"
    jobs: list[dict[str, Any]] = [
        {"work": "encode"},
        {"work": "encode", "all_rungs": True},
        {"work": "encode", "reader": partial(TemplateReader, revision="2")},
        {"work": "fade", "capacity": 2000},
        {"work": "fade", "capacity": 1000},
        {"work": "certify", "capacity": 1000},
    ]
    for job in jobs:
        found = run(file_url, report=report, **job)
        assert [r for r in found.values() if r.skipped or r.error] == [], job


def test_what_was_done_in_another_store_is_not_skipped(tmp_path: Path):
    report, urls = tmp_path / "report.jsonl", [f"sqlite:///{tmp_path}/{n}.db" for n in range(2)]
    for url in urls:
        fill(url)
        assert not any(found.skipped for found in run(url, "encode", report=report).values())
    assert all(found.skipped for found in run(urls[0], "encode", report=report).values())


def test_a_torn_line_is_passed_over_and_the_next_one_starts_anew(file_url: str, tmp_path: Path):
    fill(file_url)
    report = tmp_path / "report.jsonl"
    run(file_url, "encode", report=report)
    report.write_text(report.read_text()[:-20], encoding="utf-8")

    again = run(file_url, "encode", report=report)

    assert sum(not found.skipped for found in again.values()) == 1
    assert all(found.skipped for found in run(file_url, "encode", report=report).values())


@pytest.mark.parametrize(
    "change", [{"session": ["alice"]}, {"at": "now"}, {"at": None}, {"done": "all"}]
)
def test_a_line_with_values_of_other_types_is_passed_over(
    change: dict[str, Any], file_url: str, tmp_path: Path
):
    fill(file_url)
    report = tmp_path / "report.jsonl"
    run(file_url, "encode", report=report)
    lines = [json.dumps(json.loads(line) | change) for line in report.read_text().splitlines()]
    report.write_text("\n".join([*lines, "[" * 100_000]) + "\n")

    assert not any(found.skipped for found in run(file_url, "encode", report=report).values())


def test_a_store_is_known_by_its_place_whatever_folder_it_is_named_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    report = tmp_path / "report.jsonl"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        fill("sqlite:///m.db")
        assert not any(
            found.skipped for found in run("sqlite:///m.db", "encode", report=report).values()
        )
    assert all(
        found.skipped
        for found in run(f"sqlite:///{tmp_path}/one/m.db", "encode", report=report).values()
    )


def test_a_report_older_than_cached_tokens_live_is_not_believed(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url)
    report = tmp_path / "report.jsonl"
    run(file_url, "encode", report=report)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8 * 24 * 3600)

    assert not any(found.skipped for found in run(file_url, "encode", report=report).values())


def test_a_report_that_cannot_be_written_is_an_error_before_any_work(file_url: str, tmp_path: Path):
    fill(file_url)

    with pytest.raises(InputError, match="report"):
        run(file_url, "encode", report=tmp_path)
    assert cached(file_url) == 0

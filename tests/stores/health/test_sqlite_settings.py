"""Files in each state: what is told of them, and what is promised with them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from optical_memory.stores import Put, SQLiteStore
from optical_memory.stores.health.examine import examine
from optical_memory.stores.health.report import DURABLE, PRIVATE, PROMISES, Report

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with a session, closed."""
    path = tmp_path / "memory.db"
    store = SQLiteStore(path)
    store.commit("alice", [Put("turn", "1", b"x" * 100)])
    store.close()
    return path


def examined(path: Path) -> Report:
    return examine(f"sqlite:///{path}")


def problems(report: Report) -> list[str]:
    return [finding.problem for finding in report.findings if finding.problem]


def answers(report: Report) -> dict[str, str]:
    return {promise.name: promise.answer for promise in report.promises}


def test_a_usual_file_has_no_problem_and_keeps_every_promise_but_encryption(file: Path):
    report = examined(file)
    assert problems(report) == []
    assert list(answers(report)) == list(PROMISES)
    assert {name for name, answer in answers(report).items() if answer != "yes"} == {
        "encrypted at rest"
    }


def test_nothing_is_created_or_changed(file: Path, tmp_path: Path):
    files = {path: path.stat() for path in tmp_path.iterdir()}
    examined(file)
    assert {path: path.stat().st_mtime for path in tmp_path.iterdir()} == {
        path: about.st_mtime for path, about in files.items()
    }
    report = examined(tmp_path / "none" / "memory.db")
    assert not (tmp_path / "none").exists()
    assert (problems(report), report.promises) == ([], ())


@pytest.mark.parametrize("name", ["memory.db", "memory.db-cache"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_file_that_others_may_read_is_a_problem(file: Path, name: str, mode: int):
    file.with_name(name).chmod(mode)
    report = examined(file)
    (problem,) = problems(report)
    assert f"chmod 600 {file.with_name(name)}" in problem
    assert answers(report)[PRIVATE] == "no"


def test_a_folder_in_which_others_may_replace_the_file_is_a_problem(file: Path):
    file.parent.chmod(0o777)
    (problem,) = problems(examined(file))
    assert "chmod go-w" in problem


def test_a_file_that_may_not_be_written_promises_nothing_durable(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    file.chmod(0o400)
    rights = os.access
    monkeypatch.setattr(  # the tests may run as root, who may write everything
        os, "access", lambda path, mode: mode != os.W_OK and rights(path, mode)
    )
    report = examined(file)
    (problem,) = problems(report)
    assert "chmod u+w" in problem
    assert answers(report)[DURABLE] == "no"


def test_a_full_disk_is_a_problem(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 1000, 1000))
    (problem,) = problems(examined(file))
    assert "nearly full" in problem


def test_a_damaged_file_is_a_problem(file: Path):
    data = bytearray(file.read_bytes())
    data[4096:8192] = os.urandom(4096)
    file.write_bytes(data)
    assert any("damaged" in problem for problem in problems(examined(file)))


def test_a_file_of_another_kind_is_a_problem(tmp_path: Path):
    path = tmp_path / "memory.db"
    path.write_text("not a database at all, but long enough to look at" * 50)
    path.chmod(0o600)
    assert any("no store" in problem for problem in problems(examined(path)))


def test_a_file_that_another_process_locks_is_a_problem(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("optical_memory.stores.health.sqlite_settings.LOCK_SECONDS", 0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    (problem,) = problems(examined(file))
    other.close()
    assert "holds the lock" in problem


def test_an_open_store_is_examined_beside_its_memory(file: Path):
    store = SQLiteStore(file)
    store.commit("alice", [Put("turn", "2", b"y")])
    assert problems(examined(file)) == []
    assert store.get("alice", "turn", "2") == b"y"
    store.close()

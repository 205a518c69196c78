"""Bulk work in other processes: a run goes on after kill -9, and Ray does what one process does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.many_sessions import NAMES, all_skipped, fill, n_cached, n_done, run

import optical_memory
from optical_memory.bulk import Engine, ray_engine
from optical_memory.errors import InputError, MissingExtra
from optical_memory.stores import Delete, open_store
from optical_memory.testing import TemplateReader

ROOT = Path(optical_memory.__file__).parents[1]

needs_ray = [
    pytest.mark.skipif(
        find_spec("ray") is None, reason="needs Ray: pip install 'optical-memory[ray]'"
    ),
    pytest.mark.filterwarnings("default"),  # Ray's own
    pytest.mark.slow,
]

# ---- kill -9 -------------------------------------------------------------------------------------

# Encodes slowly, so that it can be killed in the middle. The reader class is in __main__: no worker
# can import it.
SLOW = """
import sys, time
from pathlib import Path
from optical_memory.bulk import bulk, ray_engine
from optical_memory.testing import TemplateReader

class Slow(TemplateReader):
    def encode(self, images, rung):
        time.sleep(0.2 * len(images))
        return super().encode(images, rung)

url, report, name = sys.argv[1:]
engine = ray_engine(2) if name == "ray" else None
for line in bulk(url, Slow, "encode", report=Path(report), engine=engine):
    print(line.session, flush=True)
"""

# Dies at its first picture, once. The others of its pool go on, and Ray starts it anew.
DYING = """
import os, signal, sys
from pathlib import Path
from optical_memory.bulk import bulk, ray_engine
from optical_memory.testing import TemplateReader

url, mark = sys.argv[1:]

class Dying(TemplateReader):
    def encode(self, images, rung):
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return super().encode(images, rung)
        os.kill(os.getpid(), signal.SIGKILL)

for line in bulk(url, Dying, "encode", engine=ray_engine(2)):
    print(line.session, line.error)
"""


def kill_midway(url: str, report: Path, engine: str, n_sessions: int) -> None:
    """Start a run and kill it when it has reported so many sessions."""
    command = [sys.executable, "-c", SLOW, url, str(report), engine]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for _ in range(n_sessions):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def n_cached_in_the_end(url: str) -> int:
    """Pages in the cache once nobody adds any.

    Ray's processes die a little later than the program that started them.
    """
    n = n_cached(url)
    while True:
        time.sleep(2)
        n_later = n_cached(url)
        if n_later == n:
            return n
        n = n_later


def goes_on_after_a_kill(url: str, report: Path, name: str, engine: Engine | None) -> None:
    names = [f"s{i:02}" for i in range(12)]
    n_pages = fill(url, names)
    kill_midway(url, report, name, n_sessions=2)
    n_saved = n_cached_in_the_end(url)
    assert 0 < n_saved < n_pages

    second = run(url, "encode", report=report, engine=engine)

    assert n_done(second) == n_pages - n_saved  # only what is missing, counted
    assert n_cached(url) == n_pages
    lines = [json.loads(line)["session"] for line in report.read_text().splitlines()]
    assert sorted(lines) == names  # nothing reported twice
    assert sum(line.skipped for line in second.values()) >= 2


def test_a_killed_run_goes_on_and_encodes_only_what_is_missing(url: str, tmp_path: Path):
    goes_on_after_a_kill(url, tmp_path / "report.jsonl", "local", None)


# ---- Ray -----------------------------------------------------------------------------------------


@pytest.fixture
def on_ray() -> Engine:
    return ray_engine(2)


class TestRay:
    pytestmark = needs_ray

    def test_ray_does_what_one_process_does(self, url: str, on_ray: Engine, tmp_path: Path):
        n_pages = fill(url)
        report = tmp_path / "report.jsonl"

        reports = run(url, "encode", partial(TemplateReader), report=report, engine=on_ray)

        assert sorted(reports) == sorted(NAMES)
        assert n_done(reports) == n_pages == n_cached(url)
        assert all_skipped(run(url, "encode", report=report, engine=on_ray))
        assert n_done(run(url, "encode", engine=on_ray)) == 0

    def test_one_failing_session_stops_no_other_and_what_is_done_is_told_as_it_is_done(
        self, file_url: str, on_ray: Engine
    ):
        n_pages = fill(file_url)
        with closing(open_store(file_url)) as store:
            keys = [key for key, _ in store.scan("bob", "picture")]
            store.commit("bob", [Delete("picture", key) for key in keys])

        reports = run(file_url, "encode", engine=on_ray)

        assert [line.session for line in reports.values() if line.error] == ["bob"]
        assert n_cached(file_url) == n_pages - reports["bob"].pages

    def test_a_run_on_ray_that_is_killed_goes_on(self, url: str, on_ray: Engine, tmp_path: Path):
        goes_on_after_a_kill(url, tmp_path / "report.jsonl", "ray", on_ray)

    def test_a_process_that_dies_is_started_anew_and_its_session_is_done_all_the_same(
        self, file_url: str, tmp_path: Path
    ):
        n_pages = fill(file_url, ["alice", "bob", "carol"])
        command = [sys.executable, "-c", DYING, file_url, str(tmp_path / "died")]

        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

        lines = process.stdout.splitlines()  # and Ray's word of the death
        assert {"alice None", "bob None", "carol None"} <= set(lines)
        assert (tmp_path / "died").exists()
        assert n_cached(file_url) == n_pages

    def test_the_command_prints_nothing_but_its_object(self, file_url: str):
        fill(file_url)
        words = ["bulk", "fade", "--store", file_url, "--engine", "ray", "--capacity", "150"]
        process = subprocess.run(
            [sys.executable, "-m", "optical_memory.cli", *words, "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        answer = json.loads(process.stdout)
        # The pages are a TemplateReader's, at rungs that pocket has not.
        assert process.returncode == 1
        assert (answer["sessions"], answer["failed"]) == (len(NAMES), len(NAMES))


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match=r"optical-memory\[ray\]"):
        ray_engine(2)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="workers must be positive"):
        ray_engine(0)

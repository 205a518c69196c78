"""Bulk work in processes of its own: a run that kill -9 ends goes on, and Ray does what one process
does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.many_sessions import NAMES, cached, done, fill, run

import optical_memory
from optical_memory.bulk.on_ray import on_ray
from optical_memory.bulk.sessions import Engine
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
from optical_memory.bulk.sessions import bulk
from optical_memory.bulk.on_ray import on_ray
from optical_memory.testing import TemplateReader

class Slow(TemplateReader):
    def encode(self, images, rung):
        time.sleep(0.2 * len(images))
        return super().encode(images, rung)

url, report, engine = sys.argv[1:]
for found in bulk(url, Slow, "encode", report=Path(report), engine=on_ray(2) if engine == "ray" else None):
    print(found.session, flush=True)
"""

# Dies at its first picture, once. The others of its pool go on, and Ray starts it anew.
DYING = """
import os, signal, sys
from pathlib import Path
from optical_memory.bulk.sessions import bulk
from optical_memory.bulk.on_ray import on_ray
from optical_memory.testing import TemplateReader

url, mark = sys.argv[1:]

class Dying(TemplateReader):
    def encode(self, images, rung):
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return super().encode(images, rung)
        os.kill(os.getpid(), signal.SIGKILL)

for found in bulk(url, Dying, "encode", engine=on_ray(2)):
    print(found.session, found.error)
"""


def kill_midway(url: str, report: Path, engine: str, after: int) -> None:
    """Start a run and kill it when it has reported so many sessions."""
    command = [sys.executable, "-c", SLOW, url, str(report), engine]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def settled(url: str) -> int:
    """Pages in the cache once nobody adds any: Ray's processes die a little later than the one that
    started them.
    """
    before, now = -1, cached(url)
    while now != before:
        time.sleep(2)
        before, now = now, cached(url)
    return now


def goes_on_after_a_kill(url: str, report: Path, name: str, engine: Engine | None) -> None:
    names = [f"s{i:02}" for i in range(12)]
    pages = fill(url, names)
    kill_midway(url, report, name, after=2)
    saved = settled(url)
    assert 0 < saved < pages

    again = run(url, "encode", report=report, engine=engine)

    assert done(again) == pages - saved  # only what is missing, counted
    assert cached(url) == pages
    told = [json.loads(line)["session"] for line in report.read_text().splitlines()]
    assert sorted(told) == names  # nothing reported twice
    assert sum(found.skipped for found in again.values()) >= 2


def test_a_killed_run_goes_on_and_encodes_only_what_is_missing(url: str, tmp_path: Path):
    goes_on_after_a_kill(url, tmp_path / "report.jsonl", "local", None)


# ---- Ray -----------------------------------------------------------------------------------------


@pytest.fixture
def ray_engine() -> Engine:
    return on_ray(2)


class TestRay:
    pytestmark = needs_ray

    def test_ray_does_what_one_process_does(self, url: str, ray_engine: Engine, tmp_path: Path):
        pages = fill(url)
        report = tmp_path / "report.jsonl"

        found = run(url, "encode", partial(TemplateReader), report=report, engine=ray_engine)

        assert sorted(found) == sorted(NAMES)
        assert done(found) == pages == cached(url)
        assert all(r.skipped for r in run(url, "encode", report=report, engine=ray_engine).values())
        assert done(run(url, "encode", engine=ray_engine)) == 0

    def test_one_failing_session_stops_no_other_and_what_is_done_is_told_as_it_is_done(
        self, file_url: str, ray_engine: Engine
    ):
        pages = fill(file_url)
        store = open_store(file_url)
        store.commit("bob", [Delete("picture", key) for key, _ in store.scan("bob", "picture")])
        store.close()

        found = run(file_url, "encode", engine=ray_engine)

        assert [r.session for r in found.values() if r.error] == ["bob"]
        assert cached(file_url) == pages - found["bob"].pages

    def test_a_run_on_ray_that_is_killed_goes_on(
        self, url: str, ray_engine: Engine, tmp_path: Path
    ):
        goes_on_after_a_kill(url, tmp_path / "report.jsonl", "ray", ray_engine)

    def test_a_process_that_dies_is_started_anew_and_its_session_is_done_all_the_same(
        self, file_url: str, tmp_path: Path
    ):
        pages = fill(file_url, ["alice", "bob", "carol"])
        command = [sys.executable, "-c", DYING, file_url, str(tmp_path / "died")]

        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert {"alice None", "bob None", "carol None"} <= set(
            told.splitlines()
        )  # and Ray's word of the death
        assert (tmp_path / "died").exists()
        assert cached(file_url) == pages

    def test_the_command_prints_nothing_but_its_object(self, file_url: str):
        fill(file_url)
        words = [
            "bulk",
            "fade",
            "--store",
            file_url,
            "--engine",
            "ray",
            "--capacity",
            "150",
            "--json",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "optical_memory.cli", *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        told = json.loads(done.stdout)
        assert (
            done.returncode == 1
        )  # the pages are a TemplateReader's, at rungs that pocket has not
        assert (told["sessions"], told["failed"]) == (len(NAMES), len(NAMES))


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match=r"optical-memory\[ray\]"):
        on_ray(2)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="workers must be positive"):
        on_ray(0)

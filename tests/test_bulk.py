"""Bulk work on many sessions: what is there is not done again, one failure stops nothing, a killed run goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import optical_memory
from optical_memory import OpticalMemory, Turn
from optical_memory.bulk import Engine, Job, SessionWorker, bulk
from optical_memory.bulk_ray import on_ray
from optical_memory.bulk_report import SessionReport
from optical_memory.cli import bulk as commands
from optical_memory.cli import main
from optical_memory.errors import InputError, MissingExtra, StoreError
from optical_memory.profiles import Rung
from optical_memory.stores import Delete, open_store
from optical_memory.stores.server import private_server
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import VisualTokens, blob_key

ROOT = Path(optical_memory.__file__).parents[1]
NAMES = ["alice", "bob", "carol: 1/2", "dav\udc80d"]
"""One name that no file or key likes, one that is no UTF-8."""

needs_ray = [
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'optical-memory[ray]'"),
    pytest.mark.filterwarnings("default"),  # Ray's own
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own: bulk work takes every session that it finds."""
    with private_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/memory.db"
        return
    yield (found := request.getfixturevalue("server"))
    store = open_store(found)
    for session in store.sessions():
        store.drop(session)
    store.close()


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/memory.db"


def fill(url: str, names: Sequence[str] = NAMES, turns: int = 60, *, certified: bool = True) -> int:
    """Write sessions, with no tokens in the cache; gives how many pages they have."""
    store, pages = open_store(url), 0
    for name in names:
        memory = OpticalMemory(
            name, store=store, reader=TemplateReader(), capacity=10**6, keep_turns=3, background=False
        )
        memory.remember([Turn("user", f"Topic{i} of {name!a} is on shelf {i * 3}.") for i in range(turns)])
        if certified:
            memory.flush()
        memory.close()
        store.drop_blobs(name)
        pages += len(memory.archive.snapshot().pages)
    store.close()
    return pages


def run(url: str, work: Any, reader: Any = TemplateReader, **options: Any) -> dict[str, SessionReport]:
    """Bulk work to its end; the reports by session, each of which came once."""
    found = list(bulk(url, reader, work, **options))
    assert len({report.session for report in found}) == len(found)
    return {report.session: report for report in found}


def done(found: dict[str, SessionReport]) -> int:
    assert [report.error for report in found.values() if report.error] == []
    return sum(report.done for report in found.values())


def cached(url: str, rungs: Sequence[Rung] = SMALL_LADDER[:1]) -> int:
    """Pages whose tokens are in the cache, at these rungs."""
    store, profile, count = open_store(url), TemplateReader().profile, 0
    for name in store.sessions():
        pages = OpticalMemory(name, store=store, reader=TemplateReader(), background=False).archive.snapshot().pages
        for rung in rungs:
            keys = [blob_key(p.digest, profile.id, profile.revision, rung.name, "int8") for p in pages.values()]
            count += sum(blob is not None for blob in store.get_blobs(name, keys))
    store.close()
    return count


# ---- the three works ------------------------------------------------------------------------------------------------


def test_encode_makes_the_tokens_that_the_cache_lacks_and_no_others(url: str):
    pages = fill(url)
    assert cached(url) == 0

    first = run(url, "encode")

    assert sorted(first) == sorted(NAMES)
    assert done(first) == pages == cached(url)
    assert done(run(url, "encode")) == 0
    store = open_store(url)
    store.drop_blobs("bob")
    store.close()
    again = run(url, "encode")
    assert {name: report.done for name, report in again.items() if report.done} == {"bob": first["bob"].done}


def test_encode_goes_by_the_rung_that_a_page_has_or_all_that_it_may_still_have(file_url: str):
    pages = fill(file_url)
    faded = done(run(file_url, "fade", capacity=150))
    assert 0 < faded < pages

    assert done(run(file_url, "encode")) == pages
    assert 0 < cached(file_url) < pages
    everything = done(run(file_url, "encode", all_rungs=True))
    assert pages + everything == cached(file_url, SMALL_LADDER)


def test_a_page_that_waits_for_its_certificate_is_encoded_at_the_rung_that_it_will_start_on(file_url: str):
    fill(file_url, certified=False)
    store = open_store(file_url)
    with OpticalMemory("alice", store=store, reader=TemplateReader(), keep_turns=3, background=False) as memory:
        memory.seal()
        waiting = len(memory.archive.snapshot().pages)
    store.close()

    assert run(file_url, "encode")["alice"].done == waiting > 0


def test_certify_seals_and_certifies_what_waits_and_finds_nothing_the_second_time(url: str):
    fill(url, certified=False)
    settings: dict[str, Any] = {"keep_turns": 3, "capacity": 10**6}

    found = run(url, "certify", **settings)

    assert done(found) == sum(report.pages for report in found.values()) > len(NAMES)
    assert done(run(url, "certify", **settings)) == 0
    store = open_store(url)
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
    assert memory.stats().pages == {"large": found["alice"].pages}
    assert memory.check() == []
    store.close()


def test_fade_takes_every_session_below_the_capacity(url: str):
    fill(url)

    assert done(run(url, "fade", capacity=150)) > 0

    store = open_store(url)
    for name in NAMES:
        memory = OpticalMemory(name, store=store, reader=TemplateReader(), background=False)
        assert memory.stats().visual_tokens <= 150
        assert memory.check() == []
    store.close()
    assert done(run(url, "fade", capacity=150)) == 0


def test_only_the_sessions_that_are_named_are_worked_on(file_url: str):
    fill(file_url)

    assert sorted(run(file_url, "encode", sessions=["bob", "alice", "bob"])) == ["alice", "bob"]


# ---- failures -------------------------------------------------------------------------------------------------------


def test_a_session_that_fails_is_named_and_stops_no_other(file_url: str, tmp_path: Path):
    pages = fill(file_url)
    store = open_store(file_url)
    store.commit("bob", [Delete("picture", key) for key, _ in store.scan("bob", "picture") if "large" in key])
    store.close()
    report = tmp_path / "report.jsonl"

    found = run(file_url, "encode", report=report)

    assert [(r.session, r.version) for r in found.values() if r.error] == [("bob", 0)]
    assert "StoreError: page 0000000 has no picture" in str(found["bob"].error)
    assert sum(r.done for r in found.values()) == pages - found["bob"].pages == cached(file_url)
    assert {r.session for r in run(file_url, "encode", report=report).values() if not r.skipped} == {"bob"}


def test_a_session_that_is_not_there_fails(file_url: str):
    fill(file_url, ["alice"])

    found = run(file_url, "fade", sessions=["alice", "nobody"])

    assert found["nobody"].error == "InputError: no session 'nobody' in this store"
    assert found["alice"].error is None


@pytest.mark.parametrize("work", ["encode", "certify", "fade"])
def test_pages_at_a_rung_that_the_reader_has_not_are_a_failure(file_url: str, work: str):
    fill(file_url, ["alice"])

    found = run(file_url, work, partial(TemplateReader, ladder=SMALL_LADDER[1:]))

    assert "ReaderMismatch: pages of 'alice' are at ['large']" in str(found["alice"].error)


def test_a_cache_that_takes_nothing_is_a_failure_since_filling_it_is_the_work(
    file_url: str, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url, ["alice"])

    def refuse(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(SQLiteStore, "put_blobs", refuse)

    assert run(file_url, "encode")["alice"].error == "StoreError: the disk is full"


class FadingReader(TemplateReader):
    """Sees pages, but once not before another memory has faded them."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url: str | None = url

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        if self._url:
            (report,) = bulk(self._url, TemplateReader, "fade", sessions=["alice"], capacity=150)
            assert report.done
            self._url = None
        return super().encode(images, rung)


def test_pages_that_fade_while_they_are_encoded_are_encoded_at_their_new_rung(file_url: str):
    fill(file_url, ["alice"])

    found = run(file_url, "encode", partial(FadingReader, file_url))

    assert found["alice"].error is None
    assert done(run(file_url, "encode")) == 0


def test_an_error_that_is_not_ours_is_a_bug_and_is_raised(file_url: str, monkeypatch: pytest.MonkeyPatch):
    fill(file_url, ["alice"])
    monkeypatch.setattr(TemplateReader, "encode", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run(file_url, "encode")


def test_work_that_there_is_not_is_refused(file_url: str):
    with pytest.raises(InputError, match="no bulk work 'polish'"):
        run(file_url, "polish")


# ---- the report -----------------------------------------------------------------------------------------------------


def test_a_session_that_the_report_calls_done_is_skipped_until_somebody_writes_to_it(url: str, tmp_path: Path):
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
    report.write_text(report.read_text()[:-20] + "", encoding="utf-8")

    again = run(file_url, "encode", report=report)

    assert sum(not found.skipped for found in again.values()) == 1
    assert all(found.skipped for found in run(file_url, "encode", report=report).values())


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


# ---- kill -9 --------------------------------------------------------------------------------------------------------

# Encodes slowly, so that it can be killed in the middle. The reader class is in __main__: no worker can import it.
SLOW = """
import sys, time
from pathlib import Path
from optical_memory.bulk import bulk
from optical_memory.bulk_ray import on_ray
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
from optical_memory.bulk import bulk
from optical_memory.bulk_ray import on_ray
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
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def settled(url: str) -> int:
    """Pages in the cache once nobody adds any: Ray's processes die a little later than the one that started them."""
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


# ---- Ray ------------------------------------------------------------------------------------------------------------


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

    def test_a_run_on_ray_that_is_killed_goes_on(self, url: str, ray_engine: Engine, tmp_path: Path):
        goes_on_after_a_kill(url, tmp_path / "report.jsonl", "ray", ray_engine)

    def test_a_process_that_dies_is_started_anew_and_its_session_is_done_all_the_same(
        self, file_url: str, tmp_path: Path
    ):
        pages = fill(file_url, ["alice", "bob", "carol"])
        command = [sys.executable, "-c", DYING, file_url, str(tmp_path / "died")]

        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert {"alice None", "bob None", "carol None"} <= set(told.splitlines())  # and Ray's word of the death
        assert (tmp_path / "died").exists()
        assert cached(file_url) == pages

    def test_the_command_prints_nothing_but_its_object(self, file_url: str):
        fill(file_url)
        words = ["bulk", "fade", "--store", file_url, "--engine", "ray", "--capacity", "150", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "optical_memory.cli", *words], capture_output=True, text=True, cwd=ROOT, check=False
        )
        told = json.loads(done.stdout)
        assert done.returncode == 1  # the pages are a TemplateReader's, at rungs that pocket has not
        assert (told["sessions"], told["failed"]) == (len(NAMES), len(NAMES))


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match=r"optical-memory\[ray\]"):
        on_ray(2)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="workers must be positive"):
        on_ray(0)


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (optical_memory.bulk, commands):
        monkeypatch.setattr(module, "open_reader", lambda name: TemplateReader())


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        main(["bulk", *words])
    return int(exit.value.code or 0), *capsys.readouterr()


@pytest.mark.usefixtures("reader")
def test_the_command_prints_one_object_with_a_row_for_each_session(file_url: str, capsys: pytest.CaptureFixture[str]):
    pages = fill(file_url)

    code, out, err = command(capsys, "encode", "--store", file_url, "--json")

    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["command"] == "bulk encode"
    assert (told["sessions"], told["pages"], told["done"], told["failed"]) == (len(NAMES), pages, pages, 0)
    assert [row["session"] for row in told["rows"]] == sorted(NAMES)


@pytest.mark.usefixtures("reader")
def test_the_command_fails_when_a_session_fails_and_says_why(file_url: str, capsys: pytest.CaptureFixture[str]):
    fill(file_url)

    code, out, _ = command(capsys, "fade", "--store", file_url, "--session", "alice", "--session", "nobody")

    assert code == 1
    assert "2 sessions (0 done before)" in out
    assert "1 sessions failed" in out
    assert "no session 'nobody' in this store" in out


@pytest.mark.usefixtures("reader")
def test_the_command_certifies_with_the_settings_of_a_memory(file_url: str, capsys: pytest.CaptureFixture[str]):
    fill(file_url, certified=False)
    told = ["--capacity", "5000", "--keep-turns", "3", "--retain", "text"]

    code, out, _ = command(capsys, "certify", "--store", file_url, *told, "--json")

    assert code == 0
    assert json.loads(out)["done"] > 0
    worker = SessionWorker(Job(file_url, TemplateReader, "encode"))
    pages = (
        OpticalMemory("alice", store=worker.store, reader=TemplateReader(), background=False).archive.snapshot().pages
    )
    assert all(page.lines is not None for page in pages.values())
    worker.close()


@pytest.mark.parametrize("words", [["--engine", "spark"], ["--workers", "2"], ["--engine", "local", "--workers", "2"]])
def test_an_engine_that_is_called_wrongly_is_an_error_of_the_call(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert command(capsys, "encode", *words)[0] == 2

"""Bulk work on many sessions: what is there is not done again, one failure stops nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.many_sessions import NAMES, cached, done, fill, run

from optical_memory import OpticalMemory
from optical_memory.bulk.sessions import bulk
from optical_memory.errors import InputError, StoreError
from optical_memory.profiles import Rung
from optical_memory.stores import Delete, Put, open_store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import VisualTokens

# ---- the three works -----------------------------------------------------------------------------


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
    assert {name: report.done for name, report in again.items() if report.done} == {
        "bob": first["bob"].done
    }


def test_encode_goes_by_the_rung_that_a_page_has_or_all_that_it_may_still_have(file_url: str):
    pages = fill(file_url)
    faded = done(run(file_url, "fade", capacity=150))
    assert 0 < faded < pages

    assert done(run(file_url, "encode")) == pages
    assert 0 < cached(file_url) < pages
    everything = done(run(file_url, "encode", all_rungs=True))
    assert pages + everything == cached(file_url, SMALL_LADDER)


def test_a_page_that_waits_for_its_certificate_is_encoded_at_the_rung_that_it_will_start_on(
    file_url: str,
):
    fill(file_url, certified=False)
    store = open_store(file_url)
    with OpticalMemory(
        "alice", store=store, reader=TemplateReader(), keep_turns=3, background=False
    ) as memory:
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


# ---- failures ------------------------------------------------------------------------------------


def test_a_session_that_fails_is_named_and_stops_no_other(file_url: str, tmp_path: Path):
    pages = fill(file_url)
    store = open_store(file_url)
    store.commit(
        "bob", [Delete("picture", key) for key, _ in store.scan("bob", "picture") if "large" in key]
    )
    store.close()
    report = tmp_path / "report.jsonl"

    found = run(file_url, "encode", report=report)

    assert [(r.session, r.version) for r in found.values() if r.error] == [("bob", 0)]
    assert "StoreError: page 0000000 has no picture" in str(found["bob"].error)
    assert sum(r.done for r in found.values()) == pages - found["bob"].pages == cached(file_url)
    assert {
        r.session for r in run(file_url, "encode", report=report).values() if not r.skipped
    } == {"bob"}


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


def test_a_certificate_of_a_newer_version_stops_no_other_session(file_url: str):
    fill(file_url)
    store = open_store(file_url)
    key, page = store.scan("bob", "page")[0]
    newer = json.loads(page)
    newer["certificate"]["v"] = 9
    store.commit("bob", [Put("page", key, json.dumps(newer).encode())])
    store.close()

    found = run(file_url, "fade", capacity=150)

    assert [name for name, report in found.items() if report.error] == ["bob"]
    assert (
        found["bob"].error
        == "NewerFormat: a certificate of format 9: upgrade optical-memory to read it"
    )
    assert found["dav\udc80d"].done


def test_a_file_that_a_reader_lacks_is_not_taken_for_a_broken_report(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url, ["alice"])

    def lacks(*_: Any) -> None:
        raise FileNotFoundError("weights.bin is gone")

    monkeypatch.setattr(TemplateReader, "encode", lacks)
    with pytest.raises(FileNotFoundError, match="weights"):
        run(file_url, "encode", report=tmp_path / "report.jsonl")


def test_an_error_that_is_not_ours_is_a_bug_and_is_raised(
    file_url: str, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url, ["alice"])
    monkeypatch.setattr(TemplateReader, "encode", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run(file_url, "encode")


def test_work_that_there_is_not_is_refused(file_url: str):
    with pytest.raises(InputError, match="no bulk work 'polish'"):
        run(file_url, "polish")

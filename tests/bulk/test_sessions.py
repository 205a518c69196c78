"""Bulk work on many sessions: nothing is done twice, and a failure stops nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.many_sessions import NAMES, fill, n_cached, n_done, open_session, run
from support.page_life import ledger_tokens

from optical_memory.bulk import bulk
from optical_memory.errors import InputError, StoreError
from optical_memory.profiles import Rung
from optical_memory.stores import Delete, Put, open_store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import VisualTokens

# ---- the three works -----------------------------------------------------------------------------


def test_encode_makes_the_tokens_that_the_cache_lacks_and_no_others(url: str):
    n_pages = fill(url)
    assert n_cached(url) == 0

    first = run(url, "encode")

    assert sorted(first) == sorted(NAMES)
    assert n_done(first) == n_pages == n_cached(url)
    assert n_done(run(url, "encode")) == 0
    with closing(open_store(url)) as store:
        store.drop_blobs("bob")
    second = run(url, "encode")
    work = {name: report.done for name, report in second.items() if report.done}
    assert work == {"bob": first["bob"].done}


def test_encode_goes_by_the_rung_that_a_page_has_or_all_that_it_may_still_have(file_url: str):
    n_pages = fill(file_url)
    with closing(open_store(file_url)) as store:
        n_ledger_tokens = max(ledger_tokens(open_session(store, name)) for name in NAMES)
    n_faded = n_done(run(file_url, "fade", capacity=200 + n_ledger_tokens))
    assert 0 < n_faded < n_pages

    assert n_done(run(file_url, "encode")) == n_pages
    assert 0 < n_cached(file_url) < n_pages
    n_more = n_done(run(file_url, "encode", all_rungs=True))
    assert n_pages + n_more == n_cached(file_url, SMALL_LADDER)


def test_a_page_that_waits_for_its_certificate_is_encoded_at_the_rung_that_it_will_start_on(
    file_url: str,
):
    fill(file_url, certify=False)
    with closing(open_store(file_url)) as store:
        memory = open_session(store, "alice", keep_turns=3)
        memory.seal()
        n_pages = len(memory.pages())

    assert run(file_url, "encode")["alice"].done == n_pages > 0


def test_certify_seals_and_certifies_what_waits_and_finds_nothing_the_second_time(url: str):
    fill(url, certify=False)
    settings: dict[str, Any] = {"keep_turns": 3, "capacity": 10**6}

    reports = run(url, "certify", **settings)

    assert n_done(reports) == sum(report.pages for report in reports.values()) > len(NAMES)
    assert n_done(run(url, "certify", **settings)) == 0
    with closing(open_store(url)) as store:
        memory = open_session(store, "alice")
        assert memory.stats().pages == {"large": reports["alice"].pages}
        assert memory.check() == []


def test_fade_takes_every_session_below_the_capacity(url: str):
    fill(url)

    assert n_done(run(url, "fade", capacity=150)) > 0

    with closing(open_store(url)) as store:
        for name in NAMES:
            memory = open_session(store, name)
            assert memory.stats().visual_tokens <= 150
            assert memory.check() == []
    assert n_done(run(url, "fade", capacity=150)) == 0


def test_only_the_sessions_that_are_named_are_worked_on(file_url: str):
    fill(file_url)

    assert sorted(run(file_url, "encode", sessions=["bob", "alice", "bob"])) == ["alice", "bob"]


# ---- failures ------------------------------------------------------------------------------------


def test_a_session_that_fails_is_named_and_stops_no_other(file_url: str, tmp_path: Path):
    n_pages = fill(file_url)
    with closing(open_store(file_url)) as store:
        keys = [key for key, _ in store.scan("bob", "picture") if "large" in key]
        store.commit("bob", [Delete("picture", key) for key in keys])
    report = tmp_path / "report.jsonl"

    first = run(file_url, "encode", report=report)

    failures = [line for line in first.values() if line.error]
    assert [(line.session, line.version, line.epoch) for line in failures] == [("bob", 0, "")]
    assert "CorruptPicture: the picture of page 0000000" in str(first["bob"].error)
    n_encoded = sum(line.done for line in first.values())
    assert n_encoded == n_pages - first["bob"].pages == n_cached(file_url)
    second = run(file_url, "encode", report=report)
    assert {name for name, line in second.items() if not line.skipped} == {"bob"}


def test_a_session_that_is_not_there_fails(file_url: str):
    fill(file_url, ["alice"])

    reports = run(file_url, "fade", sessions=["alice", "nobody"])

    assert reports["nobody"].error == "InputError: no session 'nobody' in this store"
    assert reports["alice"].error is None


@pytest.mark.parametrize("work", ["encode", "certify", "fade"])
def test_pages_at_a_rung_that_the_reader_has_not_are_a_failure(file_url: str, work: str):
    fill(file_url, ["alice"])

    reports = run(file_url, work, partial(TemplateReader, ladder=SMALL_LADDER[1:]))

    assert "ReaderMismatch: pages of 'alice' are at ['large']" in str(reports["alice"].error)


def test_a_cache_that_takes_nothing_is_a_failure_since_filling_it_is_the_work(
    file_url: str, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url, ["alice"])

    def refuse(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(SQLiteStore, "put_blobs", refuse)

    assert run(file_url, "encode")["alice"].error == "StoreError: the disk is full"


class FadingReader(TemplateReader):
    """Sees its first pages only after another memory has faded them."""

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
    fill(file_url, ["alice"], turns=60)

    reports = run(file_url, "encode", partial(FadingReader, file_url))

    assert reports["alice"].error is None
    assert n_done(run(file_url, "encode")) == 0


def test_a_certificate_of_a_newer_version_stops_no_other_session(file_url: str):
    fill(file_url)
    with closing(open_store(file_url)) as store:
        key, page = store.scan("bob", "page")[0]
        newer = json.loads(page)
        del newer["sum"]
        newer["certificate"]["v"] = 9
        store.commit("bob", [Put("page", key, json.dumps(newer).encode())])

    reports = run(file_url, "fade", capacity=150)

    assert [name for name, report in reports.items() if report.error] == ["bob"]
    assert (
        reports["bob"].error
        == "NewerFormat: a certificate of format 9: upgrade optical-memory to read it"
    )
    assert reports["dav\udc80d"].done


def test_a_file_that_a_reader_lacks_is_not_taken_for_a_broken_report(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(file_url, ["alice"])

    def fail(*_: Any) -> None:
        raise FileNotFoundError("weights.bin is gone")

    monkeypatch.setattr(TemplateReader, "encode", fail)
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

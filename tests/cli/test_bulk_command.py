"""The command `bulk`: one object on standard output, a code that tells of failures, errors of the
call.
"""

from __future__ import annotations

import json

import pytest
from support.many_sessions import NAMES, fill

import optical_memory
from optical_memory import OpticalMemory
from optical_memory.bulk.sessions import Job, SessionWorker
from optical_memory.cli import bulk as commands
from optical_memory.cli import main
from optical_memory.testing import TemplateReader


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (optical_memory.bulk.sessions, commands):
        monkeypatch.setattr(module, "open_reader", lambda name: TemplateReader())


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        main(["bulk", *words])
    return int(exit.value.code or 0), *capsys.readouterr()


@pytest.mark.usefixtures("reader")
def test_the_command_prints_one_object_with_a_row_for_each_session(
    file_url: str, capsys: pytest.CaptureFixture[str]
):
    pages = fill(file_url)

    code, out, err = command(capsys, "encode", "--store", file_url, "--json")

    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["command"] == "bulk encode"
    assert (told["sessions"], told["pages"], told["done"], told["failed"]) == (
        len(NAMES),
        pages,
        pages,
        0,
    )
    assert [row["session"] for row in told["rows"]] == sorted(NAMES)


@pytest.mark.usefixtures("reader")
def test_the_command_fails_when_a_session_fails_and_says_why(
    file_url: str, capsys: pytest.CaptureFixture[str]
):
    fill(file_url)

    code, out, _ = command(
        capsys, "fade", "--store", file_url, "--session", "alice", "--session", "nobody"
    )

    assert code == 1
    assert "2 sessions (0 done before)" in out
    assert "1 sessions failed" in out
    assert "no session 'nobody' in this store" in out


@pytest.mark.usefixtures("reader")
def test_the_command_certifies_with_the_settings_of_a_memory(
    file_url: str, capsys: pytest.CaptureFixture[str]
):
    fill(file_url, certified=False)
    told = ["--capacity", "5000", "--keep-turns", "3", "--retain", "text"]

    code, out, _ = command(capsys, "certify", "--store", file_url, *told, "--json")

    assert code == 0
    assert json.loads(out)["done"] > 0
    worker = SessionWorker(Job(file_url, TemplateReader, "encode"))
    pages = (
        OpticalMemory("alice", store=worker.store, reader=TemplateReader(), background=False)
        .archive.snapshot()
        .pages
    )
    assert all(page.lines is not None for page in pages.values())
    worker.close()


@pytest.mark.parametrize(
    "words", [["--engine", "spark"], ["--workers", "2"], ["--engine", "local", "--workers", "2"]]
)
def test_an_engine_that_is_called_wrongly_is_an_error_of_the_call(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert command(capsys, "encode", *words)[0] == 2

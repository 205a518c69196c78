"""The command `bulk`: one object on stdout, an exit code that tells of failures, usage errors."""

from __future__ import annotations

from contextlib import closing

import pytest
from support.many_sessions import NAMES, fill, open_session
from support.shell import Shell

from optical_memory.stores import open_store


def test_the_command_prints_one_object_with_a_row_for_each_session(shell: Shell):
    n_pages = fill(shell.store)

    answer = shell.json("bulk", "encode")

    assert answer["command"] == "bulk encode"
    counts = (answer["sessions"], answer["pages"], answer["done"], answer["failed"])
    assert counts == (len(NAMES), n_pages, n_pages, 0)
    assert [row["session"] for row in answer["rows"]] == sorted(NAMES)


def test_the_command_fails_when_a_session_fails_and_says_why(shell: Shell):
    fill(shell.store)

    code, out, _ = shell.on_store("bulk", "fade", "--session", "alice", "--session", "nobody")

    assert code == 1
    assert "2 sessions (0 done before)" in out
    assert "1 sessions failed" in out
    assert "no session 'nobody' in this store" in out


def test_the_command_certifies_with_the_settings_of_a_memory(shell: Shell):
    fill(shell.store, certify=False)
    settings = ("--capacity", "5000", "--keep-turns", "3", "--retain", "text")

    assert shell.json("bulk", "certify", *settings)["done"] > 0

    with closing(open_store(shell.store)) as store:
        memory = open_session(store, "alice")
        pages = [memory.inspect(info.id) for info in memory.pages()]
    assert pages
    assert all(page.page is not None for page in pages)


@pytest.mark.parametrize(
    "words", [["--engine", "spark"], ["--workers", "2"], ["--engine", "local", "--workers", "2"]]
)
def test_an_engine_that_is_called_wrongly_is_a_usage_error(words: list[str], shell: Shell):
    assert shell.on_store("bulk", "encode", *words)[0] == 2

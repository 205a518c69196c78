"""The log as lines of JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from optical_memory.telemetry.event_table import PAGES_LOST
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.handlers import log_to_stderr
from optical_memory.telemetry.json_lines import JsonFormatter


@pytest.fixture(autouse=True)
def no_handlers() -> Iterator[None]:
    """No handler of ours stays."""
    yield
    log_to_stderr("unused", as_json=False)


def test_a_line_has_the_event_and_its_fields(capsys: pytest.CaptureFixture[str]):
    log_to_stderr(as_json=True)
    emit(PAGES_LOST, session="al\nice", n_pages=3)
    (line,) = capsys.readouterr().err.splitlines()
    row = json.loads(line)
    assert row.pop("time").endswith("+00:00")
    assert row.pop("message").startswith("session 'al\\nice': 3 pages lost")
    assert row == {
        "level": "warning",
        "logger": "optical_memory",
        "event": "pages_lost",
        "session": "al\nice",
        "n_pages": 3,
    }


def test_a_second_call_takes_the_place_of_the_first(capsys: pytest.CaptureFixture[str]):
    log_to_stderr(as_json=True)
    log_to_stderr(as_json=True)
    emit(PAGES_LOST, session="alice", n_pages=3)
    assert capsys.readouterr().err.count("\n") == 1


def test_of_a_traceback_only_the_type_is_told():
    try:
        raise ValueError("my PIN is 4417")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "file.py", 1, "it failed", (), info)
    row = json.loads(JsonFormatter().format(record))
    assert (row["message"], row["error_type"]) == ("it failed", "ValueError")
    assert "4417" not in json.dumps(row)


def test_what_json_does_not_know_is_told_in_words():
    record = logging.makeLogRecord({"msg": "hi", "levelname": "INFO", "path": object})
    assert "object" in json.loads(JsonFormatter().format(record))["path"]


def test_a_lone_surrogate_is_a_line_too():
    record = logging.makeLogRecord({"msg": "\ud800", "levelname": "INFO"})
    assert JsonFormatter().format(record).isascii()

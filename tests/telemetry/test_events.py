"""Events of the log: fixed messages, fields for programs, and no words of a conversation."""

from __future__ import annotations

import ast
import functools
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import Turn
from optical_memory.errors import StoreError
from optical_memory.profiles import Rung
from optical_memory.telemetry import event_table
from optical_memory.telemetry.event_table import (
    BREAKER_CLOSED,
    EVENTS,
    PAGES_LOST,
    RECALL_NOT_COUNTED,
    VECTORS_LEFT_OUT,
)
from optical_memory.telemetry.events import SESSIONS_VARIABLE, Event, emit, session_digest
from optical_memory.testing import TemplateReader
from optical_memory.tokens import VisualTokens

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("optical_memory", "agents", "renderers")
RESERVED = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
SECRET = "zorblax QX-7731"


def fields_of(event: Event) -> set[str]:
    """The fields that the message of an event shows."""
    return set(re.findall(r"%\((\w+)\)", event.message))


@functools.cache
def modules() -> list[tuple[Path, ast.Module]]:
    """The modules of the package that speak of the log."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    words = ("emit(", "log.", "logger.", "logging.")
    return [(p, ast.parse(text)) for p, text in texts.items() if any(w in text for w in words)]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `emit` in the package, with the file that makes it."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "emit":
                yield str(path.relative_to(ROOT)), node


def given_fields(call: ast.Call) -> set[str]:
    names = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    return names | ({"error_type"} if "error" in names else set())


def test_every_event_has_a_name_of_its_own():
    assert len({event.name for event in EVENTS}) == len(EVENTS) > 25


def test_every_event_is_written_by_some_call():
    written = {ast.unparse(call.args[0]) for _, call in calls()}
    names = {name for name in event_table.__all__ if isinstance(getattr(event_table, name), Event)}
    assert written == names


def test_every_call_gives_the_fields_that_the_message_shows():
    lacking = {}
    for path, call in calls():
        event = getattr(event_table, ast.unparse(call.args[0]))
        missing = fields_of(event) - given_fields(call)
        if missing:
            lacking[path, event.name] = missing
    assert lacking == {}


def test_no_field_has_a_name_that_logging_uses_itself():
    used = set().union(*(given_fields(call) for _, call in calls()))
    assert used & RESERVED == set()


def test_nothing_is_logged_but_events():
    methods = {"debug", "info", "warning", "error", "exception", "critical"}
    strays = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                target = ast.unparse(node.func.value)
                if node.func.attr in methods and target in ("log", "logger", "logging"):
                    strays.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert strays == []


def test_a_record_has_the_event_and_its_fields(caplog: pytest.LogCaptureFixture):
    emit(PAGES_LOST, session="alice", n_pages=3)
    (record,) = caplog.records
    assert (record.event, record.session, record.n_pages) == ("pages_lost", "alice", 3)
    assert record.msg == PAGES_LOST.message
    assert record.getMessage().startswith("session 'alice': 3 pages lost their last picture")
    assert record.filename == "test_events.py"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_can_be_written(event: Event, caplog: pytest.LogCaptureFixture):
    fields = dict.fromkeys(fields_of(event) - {"session", "error", "error_type"}, 1)
    with caplog.at_level(logging.DEBUG, event.logger):
        emit(event, session="alice", error=StoreError("no route"), **fields)
    assert len(caplog.messages) == 1  # a message that does not fit its fields raises in a test


def test_an_event_without_fields_can_be_written(caplog: pytest.LogCaptureFixture):
    emit(BREAKER_CLOSED)
    assert caplog.messages == ["the store answers again"]


@pytest.mark.parametrize(
    ("form", "shown"), [("digest", session_digest("alice")), ("none", "…"), ("typo", "…")]
)
def test_the_log_hides_the_names_of_sessions_if_it_is_told_to(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, form: str, shown: str
):
    monkeypatch.setenv(SESSIONS_VARIABLE, form)
    emit(RECALL_NOT_COUNTED, session="alice", error=StoreError("session 'alice' is gone"))
    (record,) = caplog.records
    assert record.session == shown
    assert (record.error_type, record.error) == ("StoreError", "…")
    assert "alice" not in record.getMessage()


def test_of_an_error_that_may_quote_a_text_only_the_type_is_told(
    caplog: pytest.LogCaptureFixture,
):
    emit(VECTORS_LEFT_OUT, error=ValueError(f"cannot embed {SECRET!r}"))
    (record,) = caplog.records
    assert (record.error_type, record.error) == ("ValueError", "…")
    assert SECRET not in record.getMessage()


def test_a_long_error_is_cut(caplog: pytest.LogCaptureFixture):
    emit(VECTORS_LEFT_OUT, error=RuntimeError("x" * 10_000))
    assert len(caplog.messages[0]) < 1000


# ---- a life --------------------------------------------------------------------------------------


class ChattyReader(TemplateReader):
    """Fails, and says in its error what it was to read."""

    def encode(self, images: Any, rung: Rung) -> list[VisualTokens]:
        raise ValueError(f"cannot see {SECRET}")


def test_what_a_reader_says_of_a_page_is_neither_in_the_log_nor_in_stats(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    memory = opened(reader=ChattyReader())
    with caplog.at_level(logging.DEBUG, "optical_memory"):
        memory.remember([Turn("user", f"The code is {SECRET}."), *said(40)])
        with pytest.raises(ValueError, match="cannot see"):
            memory.flush()
    assert "background_stopped" in {record.event for record in caplog.records}
    assert SECRET not in caplog.text
    assert "ValueError" in str(memory.stats().problem)
    assert SECRET not in str(memory.stats().problem)


PROGRAM = """
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader
import logging, sys
settings = {"reader": TemplateReader(), "capacity": 0, "keep_turns": 1}
memory = OpticalMemory("a", store="sqlite:///m.db", **settings)
memory.remember([Turn("user", f"Topic {i} is on shelf {i}, beside the apples.") for i in range(40)])
memory.flush()
memory.recall("topic 7")
print([type(h).__name__ for h in logging.getLogger("optical_memory").handlers])
print(logging.getLogger().handlers)
print([name for name in ("opentelemetry", "prometheus_client") if name in sys.modules])
"""


def test_the_library_installs_no_handler_says_nothing_and_imports_no_telemetry(tmp_path: Path):
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert process.stdout.splitlines() == ["['NullHandler']", "[]", "[]"]
    assert process.stderr == ""

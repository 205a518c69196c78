"""`compress` for plain chatbots: fewer messages, within a budget, and no broken conversation."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.agents import compress
from optical_memory.counting import count_tokens
from optical_memory.errors import (
    BudgetTooSmall,
    InputError,
    LayoutError,
    MissingExtra,
    NotEnoughMemory,
    ReaderUnavailable,
    StoreError,
)
from optical_memory.pages import Grid
from optical_memory.profiles import ReaderProfile
from optical_memory.readers.base import Reader
from optical_memory.testing import TemplateReader

READER: Reader = TemplateReader()

Message = dict[str, Any]


def cost(messages: list[Any]) -> int:
    """DeepSeek tokens of contents and of tool calls, as the body of a turn writes them."""
    total = 0
    for message in messages:
        total += count_tokens(message["content"] or "")
        for call in message.get("tool_calls", ()):
            function = call["function"]
            total += count_tokens(f"=> {function['name']}({function['arguments']})")
    return total


def words(message: Any) -> str:
    """The content of a message without its line ends."""
    return " ".join(message["content"].split())


def notes(n: int) -> list[Message]:
    return [
        {"role": "user", "content": f"Note {i}: the meeting about topic{i} moved to room {i}."}
        for i in range(n)
    ]


def tool_round(n: int) -> list[Message]:
    call = {
        "id": f"c{n}",
        "type": "function",
        "function": {"name": "look_up", "arguments": f'{{"n": {n}}}'},
    }
    return [
        {"role": "user", "content": f"Look up number {n}, please."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{n}", "content": f"Number {n} is {n * n}."},
        {"role": "assistant", "content": f"It is {n * n}."},
    ]


def test_messages_that_fit_come_back_as_they_are():
    messages = notes(5)
    assert compress(messages, 10_000, reader=READER) == messages


def test_the_shorter_list_fits_and_has_the_answer():
    messages = [*notes(200), {"role": "user", "content": "Which room has topic7?"}]
    shorter = compress(messages, 800, reader=READER)
    assert cost(shorter) <= 800
    assert "the meeting about topic7 moved to room 7" in words(shorter[0])
    assert shorter[-1] is messages[-1]


def test_the_query_may_be_given():
    messages = [*notes(200), {"role": "user", "content": "Well?"}]
    shorter = compress(messages, 800, reader=READER, query="topic31")
    assert "topic31 moved" in words(shorter[0])


def test_without_a_match_the_newest_of_the_older_messages_fill_the_room():
    messages = [*notes(200), {"role": "user", "content": "Zeppelin?"}]
    summary, *recent = compress(messages, 800, reader=READER)
    newest_older = 200 - (len(recent) - 1) - 1
    assert f"topic{newest_older} moved" in words(summary)
    assert "topic0 " not in words(summary)


def test_recalled_messages_are_in_the_order_of_the_conversation():
    reader = TemplateReader(grid=Grid(columns=40, rows=400, text_columns=1))  # no page is full
    too_long = {"role": "assistant", "content": "word " * 400}
    messages = [*notes(12), too_long, {"role": "user", "content": "And?"}]
    summary, _ = compress(messages, 400, reader=reader, query="")
    text = words(summary)
    assert text.count("[turn") == 12
    places = [text.index(f"topic{i} moved") for i in range(12)]
    assert places == sorted(places)


def test_system_messages_and_the_newest_turns_are_the_dicts_that_came_in():
    system = {"role": "system", "content": "Be kind."}
    messages = [system, *notes(100)]
    shorter = compress(messages, 600, reader=READER)
    assert shorter[0] is system
    assert shorter[1]["content"].startswith("Recalled from earlier")
    recent = shorter[2:]
    assert len(recent) > 3
    newest = messages[-len(recent) :]
    assert all(output is message for output, message in zip(recent, newest, strict=True))


def test_the_newest_messages_take_six_tenths_of_the_room():
    messages = [*notes(200), {"role": "user", "content": "Which room has topic7?"}]
    _, *recent, last = compress(messages, 800, reader=READER)
    share = 0.6 * (800 - cost([last]))
    assert share - cost(notes(200)[-1:]) < cost(recent) <= share


def test_the_messages_that_came_in_are_not_changed():
    messages = notes(100)
    compress(messages, 300, reader=READER)
    assert messages == notes(100)


def test_two_messages_with_the_same_id_are_both_remembered():
    messages = [message | {"id": "same"} for message in notes(100)]
    shorter = compress(messages, 400, reader=READER, query="topic3 topic5")
    assert "topic3 moved" in words(shorter[0])
    assert "topic5 moved" in words(shorter[0])


@settings(max_examples=15, deadline=None)
@given(budget=st.integers(60, 900), rounds=st.integers(1, 12), asks=st.booleans())
def test_at_any_budget_it_fits_and_no_tool_call_is_without_its_result(
    budget: int, rounds: int, asks: bool
):
    messages: list[Message] = []
    for n in range(rounds):
        messages += tool_round(n)
    if asks:
        messages.append({"role": "user", "content": "What was number 1?"})
    try:
        shorter = compress(messages, budget, reader=READER)
    except BudgetTooSmall:
        last = len(messages) - 1 if asks else len(messages) - 4
        assert cost(messages[last:]) > budget
        return
    assert cost(shorter) <= budget
    call_ids: list[str] = []
    for message in shorter:
        call_ids += [call["id"] for call in message.get("tool_calls", ())]
    assert call_ids == [m["tool_call_id"] for m in shorter if m["role"] == "tool"]


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (
            {"function_call": {"name": "look_up", "arguments": "{}"}, "content": None},
            {"role": "function", "name": "look_up", "content": "It rains."},
        ),
        (
            {"content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "It rains."}],
            },
        ),
    ],
    ids=["function_call", "tool_use"],
)
def test_calls_of_other_formats_stay_with_their_results_too(call: Message, result: Message):
    exchange = [{"role": "assistant"} | call, result]
    question = {"role": "user", "content": "Does it rain?"}
    messages = [*notes(100), question, *exchange]
    assert compress(messages, 300, reader=READER)[-3:] == [question, *exchange]
    later = [*notes(100), question, *exchange, *notes(1)]
    for budget in (60, 80, 100, 120):
        shorter = compress(later, budget, reader=READER)
        assert [message in shorter for message in exchange] in ([True, True], [False, False])


def test_a_last_message_that_does_not_fit_is_an_error_that_says_what_it_needs():
    last = {"role": "user", "content": "A question of quite a few words indeed"}
    with pytest.raises(BudgetTooSmall, match=r"need \d+ tokens of a budget of 5"):
        compress([*notes(3), last], 5, reader=READER)


@pytest.mark.parametrize("wrong", ["b", {"content": "no role"}, {"role": 3}, {"role": "robot"}])
def test_a_wrong_message_is_an_error_that_says_where(wrong: Any):
    with pytest.raises(InputError, match=r"messages\[1\]"):
        compress([{"role": "user", "content": "a"}, wrong], 1, reader=READER)


def test_a_picture_counts_what_a_provider_bills_and_not_the_length_of_its_url():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    look = {"role": "user", "content": [{"type": "text", "text": "Look."}, picture]}
    assert compress([look], 1_000, reader=READER) == [look]
    with pytest.raises(BudgetTooSmall):
        compress([look], 700, reader=READER)


class FailingReader(TemplateReader):
    """A reader that fails as soon as somebody asks for its page size."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @property
    def profile(self) -> ReaderProfile:
        raise self._error


@pytest.mark.parametrize(
    "kind", [StoreError, LayoutError, MissingExtra, ReaderUnavailable, NotEnoughMemory, OSError]
)
def test_a_memory_that_fails_leaves_the_messages_as_they_are_and_logs_once(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
):
    # A kind of its own, which no other test has made the log tell of.
    own_kind = type(f"{kind.__name__}InThisTest", (kind,), {})
    reader = FailingReader(own_kind("no server today"))
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert compress(notes(100), 300, reader=reader) == notes(100)
        assert compress(notes(100), 300, reader=reader) == notes(100)
    assert [record.message.count("no server today") for record in caplog.records] == [1]


def test_without_a_folder_for_its_store_the_messages_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    assert compress(notes(100), 300, reader=READER) == notes(100)


FULL_DISK = """
import resource, tempfile
from optical_memory.agents import compress
from optical_memory.testing import TemplateReader

notes = [{"role": "user", "content": f"Note {i} of many."} for i in range(200)]
reader = TemplateReader()
compress(notes[:2], 1_000, reader=reader)
tempfile.gettempdir()  # chosen while files can be written
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for _ in range(2):
    print(compress(notes, 300, reader=reader) == notes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX systems can")
def test_on_a_full_disk_the_messages_stay_as_they_are_and_the_log_says_so_once():
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK], capture_output=True, text=True, timeout=120, check=True
    )
    assert child.stdout.split() == ["True", "True"]
    assert child.stderr.count("no memory this time") == 1
    assert "StoreError" in child.stderr

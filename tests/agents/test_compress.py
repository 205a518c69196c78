"""`compress` for plain chatbots: fewer messages, within a budget, and no broken conversation."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from support.chats import chat, cost, notes, words

from optical_memory.agents import compress
from optical_memory.errors import BudgetTooSmall, NotEnoughMemory
from optical_memory.profiles import ReaderProfile
from optical_memory.testing import TemplateReader


def test_messages_that_fit_come_back_as_they_are():
    messages = notes(5)
    assert compress(messages, 10_000) == messages


def test_the_shorter_list_fits_and_has_the_answer():
    messages = [*notes(200), {"role": "user", "content": "Which room has topic7?"}]
    shorter = compress(messages, 800)
    assert cost(shorter) <= 800
    assert "the meeting about topic7 moved to room 7" in words(shorter[0])
    assert shorter[-1] is messages[-1]


def test_the_query_may_be_given():
    messages = [*notes(200), {"role": "user", "content": "Well?"}]
    shorter = compress(messages, 800, query="topic31")
    assert "topic31 moved" in words(shorter[0])


def test_without_a_match_the_newest_of_the_older_messages_fill_the_room():
    messages = [*notes(200), {"role": "user", "content": "Zeppelin?"}]
    summary, *recent = compress(messages, 800)
    newest_older = 200 - (len(recent) - 1) - 1
    assert f"topic{newest_older} moved" in words(summary)
    assert "topic0 " not in words(summary)


def test_recalled_messages_are_in_the_order_of_the_conversation():
    too_long = {"role": "assistant", "content": "word " * 400}
    messages = [*notes(12), too_long, {"role": "user", "content": "And?"}]
    text = words(compress(messages, 500, query="To which room was the meeting moved?")[0])
    places = [text.index(f"topic{i} moved") for i in range(12)]
    assert places == sorted(places)


def test_system_messages_and_the_newest_turns_are_the_dicts_that_came_in():
    system = {"role": "system", "content": "Be kind."}
    messages = [system, *chat(100)]
    shorter = compress(messages, 600)
    assert shorter[0] is system
    assert shorter[1]["content"].startswith("<recall")
    recent = shorter[2:]
    assert len(recent) > 3
    newest = messages[-len(recent) :]
    assert all(output is message for output, message in zip(recent, newest, strict=True))


def test_the_newest_messages_take_the_room_that_passages_leave():
    messages = [*chat(100), {"role": "user", "content": "Who is the zookeeper?"}]
    messages[20] = {"role": "user", "content": "The zookeeper is called Walter."}
    shorter = compress(messages, 800)
    assert "Walter" in words(shorter[0])
    assert cost(shorter) > 800 - 2 * max(cost([message]) for message in messages)


def test_a_question_about_little_brings_little():
    messages = [*chat(100), {"role": "user", "content": "hi"}]
    shorter = compress(messages, 800)
    assert len(shorter) > 25
    assert cost(shorter) <= 800


def test_the_messages_that_came_in_are_not_changed():
    messages = notes(100)
    compress(messages, 300)
    assert messages == notes(100)


def test_two_messages_with_the_same_id_are_both_remembered():
    messages = [message | {"id": "same"} for message in notes(100)]
    shorter = compress(messages, 400, query="topic3 topic5")
    assert "topic3 moved" in words(shorter[0])
    assert "topic5 moved" in words(shorter[0])


def test_a_last_message_that_does_not_fit_is_an_error_that_says_what_it_needs():
    last = {"role": "user", "content": "A question of quite a few words indeed"}
    with pytest.raises(BudgetTooSmall, match=r"need \d+ tokens of a budget of 5"):
        compress([*notes(3), last], 5)


def test_a_picture_counts_what_a_provider_bills_and_not_the_length_of_its_url():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    look = {"role": "user", "content": [{"type": "text", "text": "Look."}, picture]}
    assert compress([look], 1_000) == [look]
    with pytest.raises(BudgetTooSmall):
        compress([look], 700)


class FailingReader(TemplateReader):
    """A reader that fails as soon as somebody asks for its page size."""

    @property
    def profile(self) -> ReaderProfile:
        raise NotEnoughMemory("no room for a model")


def test_no_reader_is_asked_for_anything():
    assert len(compress(notes(100), 300, reader=FailingReader())) < 100


FULL_DISK = """
import resource, tempfile
from optical_memory.agents import compress

notes = [{"role": "user", "content": f"Note {i} of many."} for i in range(200)]
tempfile.tempdir = "/no such folder"
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
print(len(compress(notes, 300)) < 200)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX systems can")
def test_nothing_is_written_to_a_disk():
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK], capture_output=True, text=True, timeout=120, check=True
    )
    assert child.stdout.split() == ["True"]
    assert child.stderr == ""


def test_passages_and_a_user_message_behind_them_are_a_single_message():
    long_answer = {"role": "assistant", "content": "word " * 100}
    for content in ("Where is topic7?", [{"type": "text", "text": "Where is topic7?"}]):
        question = {"role": "user", "content": content}
        (message,) = compress([*chat(40), long_answer, question], 120)
        passages, *rest = frame_and_rest(message["content"])
        assert passages.startswith("<recall")
        assert "topic7 moved" in passages
        assert rest == [content if isinstance(content, str) else content[0]]


def frame_and_rest(content: Any) -> list[Any]:
    """The passages at the beginning of a content, and what comes after them."""
    if isinstance(content, str):
        return content.rsplit("\n\n", 1)
    return [content[0]["text"], *content[1:]]

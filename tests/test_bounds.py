"""Large and odd input costs time in proportion to its size, and nothing of it is lost.

Costs are CPU time at a size and at four times that size. The ratio is 4 for what is linear, and 16
for what is quadratic; 9 leaves room for noise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fuzzer.dict_store import DictStore

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import compress
from optical_memory.errors import InputError
from optical_memory.loaders import load_file, openai_messages
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.testing import TemplateReader, turn_texts
from optical_memory.turns import Attachment, ToolCall, valid_turn

MAX_RATIO = 9
FLOOR_SECONDS = 0.02
"""What takes less at the large size is not compared: it is noise."""

ODD_SIGNS = {
    "one long line": "a",
    "blanks": " ",
    "line breaks": "\n",
    "NUL": "\0",
    "lone surrogates": "\ud800",
    "marks on a letter": "\u0301",
    "nested embeddings": "\u202b",
    "nested isolates": "\u2067",
    "digits": "7",
    "emoji": "\U0001f600",
    "Devanagari": "\u0939\u093f",
    "Arabic": "\u0643",
    "brackets": '{"a":[',
}


def memory_of(store: DictStore | None = None) -> OpticalMemory:
    return OpticalMemory(
        "s",
        store=DictStore() if store is None else store,
        reader=TemplateReader(),
        keep_turns=0,
        background=False,
        semantic=None,
    )


def cpu_seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def is_linear(use: Callable[[int], object], n: int) -> bool:
    """Four times the size takes about four times as long."""
    use(n // 4)  # tables and modules are loaded
    large = cpu_seconds(lambda: use(4 * n))
    if large < FLOOR_SECONDS:
        return True
    small = min(cpu_seconds(lambda: use(n)) for _ in range(2))
    return large < MAX_RATIO * small or cpu_seconds(lambda: use(4 * n)) < MAX_RATIO * small


# ---- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ODD_SIGNS.values(), ids=ODD_SIGNS)
def test_an_odd_text_comes_back_whole_from_its_pages(sign: str):
    memory = memory_of()
    turn = valid_turn(Turn("user", sign * (3_000 // len(sign)), id="odd"))
    memory.remember([turn, Turn("user", "end", id="end")])
    memory.seal()
    assert turn_texts(memory)["odd"] == turn.text


@pytest.mark.parametrize("sign", ODD_SIGNS.values(), ids=ODD_SIGNS)
def test_an_odd_text_is_remembered_and_recalled_in_linear_time(sign: str):
    def use(n: int) -> None:
        memory = memory_of()
        memory.remember(Turn("user", sign * (n // len(sign))))
        memory.recall("the gate code")
        memory.context(sign * (n // len(sign)), 10**7)
        memory.stats()

    assert is_linear(use, 20_000)


@pytest.mark.parametrize("sign", ["\U0001f600", "\0", "\u202b", "a "])
def test_a_line_is_laid_out_in_linear_time(sign: str):
    def use(n: int) -> None:
        paginate([PlacedTurn(Turn("user", sign * (n // len(sign))), "a", 0)])

    assert is_linear(use, 20_000)


def test_odd_fields_of_a_turn_take_linear_time():
    def use(n: int) -> None:
        memory = memory_of()
        text = "a7 " * (n // 3)
        memory.remember(
            [
                Turn("user", "hello", name=text, id=text),
                Turn("assistant", "", tool_calls=(ToolCall(text, text, "c"),)),
                Turn("tool", text, tool_call_id="c"),
                Turn("user", "look", attachments=(Attachment("image", text, text),)),
            ]
        )
        memory.recall("hello")

    assert is_linear(use, 20_000)


def test_many_calls_and_attachments_take_linear_time():
    def use(n: int) -> None:
        memory = memory_of()
        calls = tuple(ToolCall("f", "{}", f"c{i}") for i in range(n))
        files = tuple(Attachment("file", f"{i}.txt") for i in range(n))
        memory.remember([Turn("assistant", "", tool_calls=calls, attachments=files)])
        memory.recall("f")

    assert is_linear(use, 2_000)


def test_a_message_of_a_megabyte_is_compressed_and_read():
    message = {"role": "user", "content": "word " * 200_000}
    question = {"role": "user", "content": "Which word?"}
    assert len(compress([message, question], 300)) >= 1
    assert len(openai_messages([message])[0].turns[0].text) == 1_000_000


def test_deep_json_is_refused():
    deep = json.loads("[" * 900 + "]" * 900)
    for _ in range(20_000):
        deep = [deep]
    function = {"name": "f", "arguments": deep}
    messages: list[Any] = [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": deep},
        {"role": "user", "content": [{"type": "alien", "data": deep}]},
    ]
    for message in messages:
        with pytest.raises(InputError, match="nested too deep"):
            memory_of().sync([message])


@pytest.mark.parametrize("messages", [None, 7, "text", {"role": "user"}])
def test_what_is_no_list_of_messages_is_refused(messages: Any):
    with pytest.raises(InputError, match="list of messages"):
        compress(messages, 300)


# ---- sealing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_chars", "n_pages"), [(40_000, 4), (1_000_000, 4), (2_000_000, 8)])
def test_a_commit_seals_more_pages_of_a_longer_turn(n_chars: int, n_pages: int):
    memory = memory_of()
    memory.remember([Turn("user", "word " * (n_chars // 5)), Turn("user", "end")])
    memory._upkeep.seal()
    assert len(memory.pages()) == n_pages


def test_pages_of_blank_lines_are_drawn_once_a_commit():
    memory = memory_of()
    memory.remember([Turn("user", "\n" * 200), Turn("user", "end")])
    memory._upkeep.seal()
    pages = [page.id for page in memory.pages()]
    drawn = [memory.picture(page, "large") for page in pages]
    assert len(set(drawn)) == 2 < len(drawn)
    assert memory.check() == []


def test_a_step_of_sealing_does_not_look_at_the_turns_that_wait():
    def seconds(n_turns: int) -> float:
        memory = memory_of()
        memory.remember([Turn("user", f"turn {i} is short") for i in range(n_turns)])
        memory._upkeep.seal()
        return min(cpu_seconds(memory._upkeep.seal) for _ in range(3))

    assert seconds(4_000) < 2.5 * seconds(400)


# ---- files ---------------------------------------------------------------------------------------

HOSTILE_FILES: dict[str, Callable[[int], str]] = {
    "page.html": lambda n: "<!DOCTYPE html>" + "<!--a-->" * n,
    "fragment.html": lambda n: " <!--a-->" * n,
    "chat.txt": lambda n: "[01/02/2024, 10:00:00] Ana: hello\n" + "more words\n" * n,
    "marks.txt": lambda n: "[01/02/2024, 10:00:00] " + "\u200f" * n + "\n",
    "talk.vtt": lambda n: "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n" + "<v." * n + "\n",
    "trace.md": lambda n: (
        "<!-- Generated by SpecStory -->\n\n_**Agent (m)**_\n" + "<tool-use>\n" * n
    ),
    "blanks.txt": lambda n: " " * n,
    "lines.txt": lambda n: "\n" * n,
    "trees.jsonl": lambda n: (
        '{"prompt":{"text":"hi","role":"prompter","message_id":"a","replies":[{"text":"ho","role":"assistant","message_id":"b"}]}}\n'
        * (n // 40)
    ),
    "urls.json": lambda n: json.dumps([{"role": "user", "content": "data:a" * n + ";base64,"}]),
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_hostile_files_are_read_or_refused_in_linear_time(name: str, tmp_path: Path):
    def use(n: int) -> None:
        file = tmp_path / name
        file.write_text(HOSTILE_FILES[name](n), encoding="utf-8")
        try:
            load_file(file)
        except InputError:
            return

    assert is_linear(use, 8_000)

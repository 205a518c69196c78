"""`load_file` accounts for each word of a file: it is in a turn, in `meta`, or in the report."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.load_files import write_file
from support.load_property import broken_promises, missing_words
from support.load_samples import (
    FOLDER,
    FORMAT_NAMES,
    REFUSED_SAMPLES,
    REFUSING_FORMATS,
    SAMPLES,
    format_of_sample,
)
from support.mutations import mutated

from optical_memory.errors import InputError
from optical_memory.loaders import load_file
from optical_memory.loaders.accounting import MARK, NO_PART, PAYLOAD, SOME_WORDS, TIME
from optical_memory.loaders.files import read_document
from optical_memory.loaders.formats import format_of

# ---- samples of every format ---------------------------------------------------------------------


def test_every_format_has_a_sample():
    formats = set(map(format_of_sample, SAMPLES))
    assert sorted(set(FORMAT_NAMES) - REFUSING_FORMATS - formats) == []
    assert sorted(REFUSING_FORMATS - set(map(format_of_sample, REFUSED_SAMPLES))) == []


@pytest.mark.parametrize("path", REFUSED_SAMPLES, ids=lambda path: path.name)
def test_a_sample_of_a_format_without_conversations_is_refused_with_a_way_out(path: Path):
    file_format = format_of(read_document(path))
    assert file_format is not None
    assert file_format.name == format_of_sample(path)
    with pytest.raises(InputError, match=r"; (take|export|rename) ") as refused:
        load_file(path)
    assert str(refused.value).startswith(path.name)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_each_word_of_a_sample_is_accounted_for(path: Path):
    file = load_file(path)
    assert file.format == format_of_sample(path)
    assert missing_words(path, file) == []
    assert broken_promises(path) == []


# ---- the report ----------------------------------------------------------------------------------


def report(tmp_path: Path, data: Any, name: str = "a.json") -> list[tuple[str, str, str]]:
    file = load_file(write_file(tmp_path / name, data))
    return [(item.place, item.reason, item.text) for item in file.left_out]


def user(text: str, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **fields}


def test_a_conversation_that_came_in_whole_has_nothing_to_report(tmp_path: Path):
    assert report(tmp_path, [user("The ferns?", id="m1", name="Mira"), user("Dry.")]) == []


def test_words_that_came_nowhere_are_told_with_their_place(tmp_path: Path):
    messages = [user("The ferns?"), user("Dry.", metadata={"model": ["mossy-large", "quick mode"]})]
    assert report(tmp_path, {"messages": messages, "title": "Ferns"}) == [
        ("messages[1].metadata.model[0]", NO_PART, "mossy-large"),
        ("messages[1].metadata.model[1]", NO_PART, "quick mode"),
    ]


def test_a_place_in_json_lines_begins_with_the_line(tmp_path: Path):
    rows = "\n\n".join(
        json.dumps(user(text, note=f"{text} {word}"))
        for text, word in (("Ferns", "again"), ("Mosses", "never"))
    )
    assert report(tmp_path, rows, "a.jsonl") == [
        ("line 1: note", SOME_WORDS, "again"),
        ("line 3: note", SOME_WORDS, "never"),
    ]


def test_the_same_text_is_told_once(tmp_path: Path):
    messages = [user(f"fern {n}", model="mossy-large") for n in range(50)]
    assert report(tmp_path, messages) == [("[0].model", NO_PART, "mossy-large")]


def test_the_same_words_of_many_texts_are_told_once(tmp_path: Path):
    messages = [user(f"ferns {n}", note=f"ferns {n} again") for n in range(9)]
    assert report(tmp_path, messages) == [("[0].note", SOME_WORDS, "again")]


def test_words_that_stand_in_a_turn_in_another_order_are_not_told(tmp_path: Path):
    assert report(tmp_path, [user("Water the ferns today", tags=["ferns", "water today"])]) == [
        ("[0].tags[1]", SOME_WORDS, "water"),
    ]


def test_marks_of_the_format_and_times_have_reasons_of_their_own(tmp_path: Path):
    data = {
        "conversation": {
            "speaker_a": "Anouk",
            "speaker_b": "Tomas",
            "session_1_date_time": "1:56 pm on 8 January, 2023",
            "session_1": [{"speaker": "Anouk", "dia_id": "D1:1", "text": "Hello!", "type": "chat"}],
        }
    }
    assert report(tmp_path, data) == [
        ("conversation.session_1_date_time", TIME, "January"),
        ("conversation.session_1[0].type", MARK, "chat"),
    ]


def test_a_payload_is_told_by_its_digest(tmp_path: Path):
    payload = base64.b64encode(bytes(range(256)) * 4).decode()
    ((place, reason, text),) = report(tmp_path, [user("Look", thumbnail=payload)])
    assert (place, reason) == ("[0].thumbnail", PAYLOAD)
    assert text.startswith("data:application/octet-stream;sha256=")
    assert len(text) < 100


def test_a_payload_that_a_turn_refers_to_is_not_told(tmp_path: Path):
    url = f"data:image/png;base64,{base64.b64encode(bytes(999)).decode()}"
    part = {"type": "image_url", "image_url": {"url": url}}
    assert [reason for _, reason, _ in report(tmp_path, [user([part])])] == [MARK]


def test_a_key_that_is_text_is_told(tmp_path: Path):
    assert report(tmp_path, [user("Hi", **{"what nobody reads": None})]) == [
        ("[0].the keys", NO_PART, "what nobody reads")
    ]


@pytest.mark.parametrize("colon", [":", ": ", " : "])
def test_a_value_whose_key_comes_again_in_its_object_is_told(colon: str, tmp_path: Path):
    row = '{"role"?"user","content"?"The moss","extra"?{"a"?"dry"},"content"?"The \\"ferns\\":"}'
    text = f"[{row}]".replace("?", colon)
    assert report(tmp_path, text) == [
        ("the first 'content' of an object that has two.content", NO_PART, "The moss"),
    ]


def test_keys_of_a_value_whose_key_comes_again_are_structure(tmp_path: Path):
    row = '{"type": "human", "data": {"mossy_key": {}}, "data": {"content": "The ferns?"}}'
    path = write_file(tmp_path / "a.json", f"[{row}]")
    assert broken_promises(path) == []


def test_deep_data_beside_messages_is_walked(tmp_path: Path):
    deep: Any = "a word"
    for _ in range(700):
        deep = [deep]
    ((place, _, text),) = report(tmp_path, [user("Hi", extra=deep)])
    assert text == "a word"
    assert place.startswith("[0].extra[0][0]")


def test_words_of_a_log_that_no_turn_has_are_told_by_line(tmp_path: Path):
    log = "_**User (June 3rd, 2026)**_\n\nhello\n\n---\n\n_**Agent (mossy)**_\n\nbye\n"
    assert report(tmp_path, log, "a.md") == [
        ("line 1", MARK, "User"),
        ("line 1", TIME, "June"),
        ("line 7", MARK, "Agent"),
        ("line 7", SOME_WORDS, "mossy"),
    ]


def test_of_a_page_in_a_single_line_no_more_than_its_tags_are_told(tmp_path: Path):
    page = (FOLDER / "gemini-in-google-takeout.page.html").read_text(encoding="utf-8")
    items = report(tmp_path, page, "page.html")
    assert ("line 1", TIME, "June") in items
    assert max(len(text) for _, _, text in items) < 100


def test_labels_of_a_log_that_are_roles_are_in_its_meta(tmp_path: Path):
    path = write_file(tmp_path / "a.txt", "User: hello\nAssistant: hello there\nUser: bye")
    (conversation,) = load_file(path).conversations
    assert conversation.meta == {"speakers": "User, Assistant"}
    assert report(tmp_path, path.read_text(), "a.txt") == []


# ---- the property --------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("fernmoswpät ß\n1"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(WORDS, values, max_size=3),
    max_leaves=6,
)
PARTS = st.lists(
    WORDS
    | st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}, optional={"extra": VALUES})
    | st.fixed_dictionaries({"type": WORDS, "value": VALUES}),
    max_size=3,
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": WORDS, "function": st.fixed_dictionaries({"name": WORDS, "arguments": VALUES})}
    ),
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "tool"])},
        optional={
            "content": WORDS | PARTS | VALUES,
            "name": WORDS,
            "id": WORDS | st.integers(),
            "tool_calls": CALLS,
            "metadata": VALUES,
            "text": WORDS,
        },
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(MESSAGES | st.fixed_dictionaries({"messages": MESSAGES}, optional={"title": VALUES}))
def test_each_word_of_drawn_messages_is_accounted_for(data: Any):
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "drawn.json", data)
        assert broken_promises(path) == []


# ---- files of other people, if there are some ----------------------------------------------------

SHARED = Path(os.environ.get("OPTICAL_MEMORY_SHARED", Path(__file__).parents[3] / "shared"))
"""A folder beside the checkout, with files that are not ours to copy."""

EVALUATIONS = sorted(path for path in (SHARED / "data" / "eval").rglob("*.*") if path.is_file())
CASES = sorted((SHARED / "cases").glob("pages_*"))


@pytest.mark.skipif(not EVALUATIONS, reason=f"no evaluation files in {SHARED}")
@pytest.mark.parametrize("path", EVALUATIONS, ids=lambda path: path.name)
def test_each_word_of_an_evaluation_file_is_accounted_for(path: Path):
    assert broken_promises(path) == []


@pytest.mark.skipif(not CASES, reason=f"no cases in {SHARED}")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_each_word_of_a_case_and_of_its_mutations_is_accounted_for(path: Path, tmp_path: Path):
    assert broken_promises(path) == []
    raw = path.read_bytes()
    for seed in range(int(os.environ.get("OPTICAL_MEMORY_MUTATIONS", "20"))):
        spoilt = tmp_path / path.name
        spoilt.write_bytes(mutated(raw, Random(seed)))
        assert (seed, broken_promises(spoilt)) == (seed, [])

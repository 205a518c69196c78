"""Loading the data sets of evaluations, SpecStory's traces, and our own example."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from support.load_files import all_text, single, texts_in

from optical_memory.errors import InputError
from optical_memory.loaders import (
    Conversation,
    beam,
    example,
    load,
    locomo,
    longmemeval,
    memorybank,
    specstory,
    taubench,
)
from optical_memory.turns import ToolCall, Turn

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# Evaluations


def test_locomo_turns_carry_evidence_ids_speakers_dates_and_pictures(data_dir: Path):
    path = data_dir / "eval" / "locomo_dev3.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    conversations = locomo(path)
    assert len(conversations) == len(data) > 0
    for item, conversation in zip(data, conversations, strict=True):
        messages = locomo_messages(item)
        assert [turn.id for turn in conversation.turns] == list(messages)
        assert all(turn.when is not None for turn in conversation.turns)
        users = {turn.name for turn in conversation.turns if turn.role == "user"}
        assert users == {item["conversation"]["speaker_a"]}
        for turn in conversation.turns:
            message = messages[turn.id]
            assert turn.text == message["text"]
            captions = [attachment.caption for attachment in turn.attachments[:1]]
            assert captions == [message[key] for key in ["blip_caption"] if key in message]


def locomo_messages(item: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    """The messages of all sessions by their id."""
    messages: dict[str | None, dict[str, Any]] = {}
    for key, session in item["conversation"].items():
        if re.fullmatch(r"session_\d+", key):
            messages |= {message["dia_id"]: message for message in session}
    return messages


def test_longmemeval_turns_are_dated_and_named_by_session():
    item = {
        "question_id": "q7",
        "question": "where?",
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 10:00"],
        "haystack_session_ids": ["answer_a", "b"],
        "haystack_sessions": [
            [
                {"role": "user", "content": "hi", "has_answer": True},
                {"role": "assistant", "content": "hello"},
            ],
            [{"role": "user", "content": "bye"}],
        ],
    }
    conversation = single(longmemeval([item]))
    assert conversation.id == "q7"
    assert [turn.id for turn in conversation.turns] == ["answer_a_1", "answer_a_2", "b_1"]
    assert conversation.turns[0].when == datetime(2023, 5, 20, 2, 21)
    del item["haystack_dates"][1]
    with pytest.raises(InputError, match="2 sessions, 2 session ids and 1 dates"):
        longmemeval([item])


def test_a_longmemeval_session_that_comes_again_gets_ids_of_its_own():
    session = [{"role": "user", "content": "hi"}]
    item = {"haystack_sessions": [session] * 3, "haystack_session_ids": ["a", "b", "a"]}
    assert [turn.id for turn in single(longmemeval([item])).turns] == ["a_1", "b_1", "a_1~2"]


def test_memorybank_turns_name_their_day_exchange_and_side(tmp_path: Path):
    exchanges = [{"query": "你好", "response": "Hello"}, {"query": "Tea?", "response": "Yes."}]
    path = tmp_path / "memory_bank_cn.json"
    users = {" 张曼婷": {"history": {"2023-04-27": exchanges, "2023-04-28": []}}}
    path.write_text(json.dumps(users), encoding="utf-8")

    conversation = single(load(path))
    assert conversation.id == "张曼婷"
    day = datetime(2023, 4, 27)
    assert conversation.turns == (
        Turn("user", "你好", when=day, id="2023-04-27:1q"),
        Turn("assistant", "Hello", when=day, id="2023-04-27:1a"),
        Turn("user", "Tea?", when=day, id="2023-04-27:2q"),
        Turn("assistant", "Yes.", when=day, id="2023-04-27:2a"),
    )


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ([], "expected an object of users, found list"),
        ({"Ann": {"history": {"2023-04-27": [{"query": "Tea?"}]}}}, "no 'response' in it"),
        ({"Ann": {"history": {"some day": []}}}, "'some day' is no time"),
        ({"Ann": {"history": {}}}, "Ann: no turns in it"),
    ],
)
def test_broken_memorybank_data_is_refused(users: object, message: str):
    with pytest.raises(InputError, match=message):
        memorybank(users)


def test_every_memorybank_exchange_is_two_turns(data_dir: Path):
    path = data_dir / "eval" / "memorybank" / "memory_bank_en.json"
    users = json.loads(path.read_text(encoding="utf-8"))

    conversations = memorybank(path)
    assert [conversation.id for conversation in conversations] == [name.strip() for name in users]
    for conversation, user in zip(conversations, users.values(), strict=True):
        exchanges = list(chain.from_iterable(user["history"].values()))
        sides = [(exchange["query"], exchange["response"]) for exchange in exchanges]
        texts = [turn.text for turn in conversation.turns]
        assert texts == list(chain.from_iterable(sides))


def test_every_tau_bench_text_id_and_argument_is_kept(data_dir: Path):
    path = data_dir / "eval" / "tau_gpt4o_airline.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    runs = taubench(path)
    assert len(runs) == len(data) == 200
    for run, item in zip(runs, data, strict=True):
        assert len(run.turns) == len(item["traj"])
        run_text = all_text(run)
        texts = texts_in([{**message, "tool_call_id": None} for message in item["traj"]])
        assert [text for text in texts if text not in run_text] == []
        answered_ids = {turn.tool_call_id for turn in run.turns if turn.role == "tool"}
        assert answered_ids <= set(call_ids(run))
    assert len({run.id for run in runs}) == 200


def call_ids(conversation: Conversation) -> list[str | None]:
    """The ids of all tool calls, in order."""
    calls = chain.from_iterable(turn.tool_calls for turn in conversation.turns)
    return [call.id for call in calls]


def test_beam_turns_keep_chat_ids_and_the_time_anchor_goes_on(data_dir: Path):
    path = data_dir / "eval" / "beam_100K" / "1" / "chat.json"
    conversation = single(beam(path))
    messages: list[dict[str, Any]] = []
    for batch in json.loads(path.read_text(encoding="utf-8")):
        messages += chain.from_iterable(batch["turns"])
    assert [(turn.id, turn.text) for turn in conversation.turns] == [
        (str(message["id"]), message["content"]) for message in messages
    ]
    assert conversation.turns[1].when == datetime(2024, 3, 15)


def test_a_beam_turn_has_the_latest_time_anchor_before_it():
    first = {"role": "user", "content": "a", "time_anchor": "March-15-2024"}
    batches = [{"turns": [[first, {"role": "assistant", "content": "b"}]]}]
    batches.append({"turns": [{"role": "user", "content": "c"}]})
    times = [turn.when for turn in single(beam(batches)).turns]
    assert times == [datetime(2024, 3, 15)] * 3


# SpecStory

MARKUP = re.compile(r"\s*(_\*\*|---$|</?tool-use|</?details>|<summary>Tool use|</details>)")


def test_every_line_of_a_specstory_trace_is_in_its_turns(data_dir: Path):
    paths = sorted((data_dir / "eval" / "specstory").glob("*.md"))
    assert len(paths) == 30
    for path in paths:
        conversation = single(load(path))
        texts = [conversation.meta["preface"]]
        for turn in conversation.turns:
            texts += [turn.text, *(json.loads(call.arguments)["input"] for call in turn.tool_calls)]
        text = "\n".join(texts)
        lines = path.read_text(encoding="utf-8").split("\n")
        content = [line.strip() for line in lines if not MARKUP.match(line)]
        assert [line for line in content if line not in text] == []


def test_a_specstory_tool_use_becomes_a_call_and_its_answer():
    trace = """<!-- Generated by SpecStory, Markdown v2.1.0 -->

_**User (2026-01-12 15:08:38Z)**_

list them

---

_**Agent (model-1 2026-01-12 15:08:43Z)**_

Sure.

<tool-use data-tool-type="shell" data-tool-name="Bash"><details>
<summary>Tool use: **Bash**</summary>
`ls`

```text
a.md
    1→</details></tool-use>
```
</details></tool-use>

Done.
"""
    user_time = datetime(2026, 1, 12, 15, 8, 38, tzinfo=UTC)
    agent_time = datetime(2026, 1, 12, 15, 8, 43, tzinfo=UTC)
    tool_call = ToolCall("Bash", '{"input": "`ls`"}', "call_2")
    answer = "```text\na.md\n    1→</details></tool-use>\n```"
    assert single(specstory(trace)).turns == (
        Turn("user", "list them", when=user_time),
        Turn("assistant", "Sure.", when=agent_time, tool_calls=(tool_call,)),
        Turn("tool", answer, name="Bash", when=agent_time, tool_call_id="call_2"),
        Turn("assistant", "Done.", when=agent_time),
    )


# The example


def test_the_example_is_long_and_answers_every_tool_call():
    conversation = example()
    turns = conversation.turns
    assert len(turns) >= 320
    assert 90_000 <= len(all_text(conversation)) <= 110_000
    assert len({turn.id for turn in turns}) == len(turns)
    times = [turn.when for turn in turns if turn.when is not None]
    assert len(times) == len(turns)
    assert times == sorted(times)
    answered_ids = [turn.tool_call_id for turn in turns if turn.role == "tool"]
    assert call_ids(conversation) == answered_ids


@pytest.mark.parametrize(
    "script",
    ["GREEK", "CYRILLIC", "ARABIC", "DEVANAGARI", "CJK", "HIRAGANA", "THAI"],
    ids=str.lower,
)
def test_the_example_speaks_other_scripts(script: str):
    names = [unicodedata.name(char, "") for char in all_text(example())]
    assert sum(name.startswith(script) for name in names) > 30


def test_every_planted_answer_stands_in_its_turn_and_in_no_other():
    questions = json.loads((EXAMPLES / "questions.json").read_text(encoding="utf-8"))
    texts = {turn.id: all_text(Conversation("one", (turn,))) for turn in example().turns}
    assert len(questions) >= 12
    for question in questions:
        ids = [id for id, text in texts.items() if question["answer"] in text]
        assert ids == [question["turn_id"]]
    places = [list(texts).index(question["turn_id"]) / len(texts) for question in questions]
    assert min(places) < 0.1
    assert max(places) > 0.9

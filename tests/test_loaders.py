"""What a loader makes of the files people have: who said what and when, tools, pictures, and nothing lost."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, messages_to_dict

from optical_memory.errors import InputError
from optical_memory.loaders import (
    Conversation,
    beam,
    example,
    langchain_messages,
    load,
    locomo,
    longmemeval,
    openai_messages,
    sharegpt,
    specstory,
    taubench,
    text_log,
)
from optical_memory.turns import Attachment, ToolCall, Turn

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def only(found: list[Conversation]) -> Conversation:
    assert len(found) == 1
    return found[0]


def everything(conversation: Conversation) -> str:
    """All that a conversation says, in one string."""
    parts: list[str | None] = []
    for turn in conversation.turns:
        parts += [turn.text, turn.name]
        parts += [part for call in turn.tool_calls for part in (call.name, call.arguments)]
        parts += [part for seen in turn.attachments for part in (seen.ref, seen.caption)]
    return "\n".join(part for part in parts if part)


def written(path: Path, data: Any) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


# OpenAI style


def test_a_message_list_becomes_turns():
    found = only(
        openai_messages(
            [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "hi", "name": "Ada", "id": "m1", "created_at": "2026-03-02T08:41:00+01:00"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "nothing"},
            ]
        )
    )
    assert found.turns == (
        Turn("system", "Be brief."),
        Turn("user", "hi", name="Ada", id="m1", when=datetime.fromisoformat("2026-03-02T08:41:00+01:00")),
        Turn("assistant", "", tool_calls=(ToolCall("look", '{"at": 1}', "c1"),)),
        Turn("tool", "nothing", name="look", tool_call_id="c1"),
    )


def test_pictures_and_files_are_kept_by_reference():
    parts = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}, "caption": "a boat"},
        {"type": "input_image", "image_url": "https://example.org/b.png"},
        {"type": "file", "file": {"file_id": "file-7", "filename": "plan.pdf"}},
    ]
    turn = only(openai_messages([{"role": "user", "content": parts}])).turns[0]
    assert turn.text == "what is this?"
    assert turn.attachments == (
        Attachment("image", "https://example.org/a.png", "a boat"),
        Attachment("image", "https://example.org/b.png"),
        Attachment("file", "file-7", "plan.pdf"),
    )


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 5000}}, "image"),
        ({"type": "input_audio", "input_audio": {"data": "QUJD" * 5000, "format": "wav"}}, "audio"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64," + "QUJD" * 5000}}, "file"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 5000}}, "image"),
    ],
)
def test_a_payload_is_replaced_by_its_digest(part: dict[str, Any], kind: str):
    (attachment,) = only(openai_messages([{"role": "user", "content": [part]}])).turns[0].attachments
    assert attachment.kind == kind
    assert re.fullmatch(r"data:[\w/*.+-]+;sha256=[0-9a-f]{16};chars=20000", attachment.ref)


def test_tool_use_and_tool_result_parts_become_calls_and_tool_turns():
    found = only(
        openai_messages(
            [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "3"}]},
            ]
        )
    )
    assert found.turns[0].tool_calls == (ToolCall("add", '{"a": 1}', "c1"),)
    assert found.turns[1:] == (Turn("tool", "3", tool_call_id="c1"),)


def test_a_part_of_an_unknown_type_is_kept_as_its_json():
    turn = only(openai_messages([{"role": "user", "content": [{"type": "poll", "ask": "tea?"}]}])).turns[0]
    assert json.loads(turn.text) == {"type": "poll", "ask": "tea?"}


def test_legacy_function_calls_refusals_and_reasoning_are_kept():
    message = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    more = {"role": "assistant", "content": "so", "reasoning_content": "because", "refusal": "no"}
    first, second = only(openai_messages([message, more])).turns
    assert first.tool_calls == (ToolCall("f"),)
    assert second.text == "because\n\nso\n\nno"


@pytest.mark.parametrize("seconds", [1_770_000_000, 1_770_000_000_000, 1_770_000_000.0])
def test_epoch_times_are_utc_in_seconds_or_milliseconds(seconds: float):
    turn = only(openai_messages([{"role": "user", "content": "x", "timestamp": seconds}])).turns[0]
    assert turn.when == datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
PART = st.one_of(
    TEXT.map(lambda t: {"type": "text", "text": t}),
    TEXT.map(lambda t: {"type": "image_url", "image_url": {"url": "https://example.org/" + t}, "caption": t}),
    TEXT.map(lambda t: {"type": "refusal", "refusal": t}),
)
CALL = st.builds(lambda n, a: {"id": "c", "type": "function", "function": {"name": n, "arguments": a}}, TEXT, TEXT)
MESSAGE = st.one_of(
    st.builds(lambda r, c: {"role": r, "content": c}, st.sampled_from(["system", "user", "assistant"]), TEXT),
    st.builds(lambda c: {"role": "user", "content": c}, st.lists(PART, min_size=1, max_size=4)),
    st.builds(
        lambda c, t: {"role": "assistant", "content": c, "tool_calls": t},
        st.none() | TEXT,
        st.lists(CALL, min_size=1, max_size=3),
    ),
    st.builds(lambda c, n: {"role": "tool", "tool_call_id": "c", "content": c, "name": n}, TEXT, TEXT),
)


def leaves(data: Any) -> list[str]:
    """Every text of a message but what names its kind."""
    if isinstance(data, dict):
        return [leaf for key, value in data.items() if key not in {"type", "role", "id"} for leaf in leaves(value)]
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return [data] if isinstance(data, str) else []


@given(st.lists(MESSAGE, min_size=1, max_size=6))
def test_every_text_of_a_message_list_is_somewhere_in_its_turns(messages: list[dict[str, Any]]):
    kept = everything(only(openai_messages(messages))) + "\nc"
    assert [leaf for leaf in leaves(messages) if leaf not in kept] == []


# LangChain and ShareGPT

LANGCHAIN = [
    SystemMessage("Be kind."),
    HumanMessage([{"type": "text", "text": "where?"}, {"type": "image", "url": "https://example.org/map.png"}]),
    AIMessage("Looking.", tool_calls=[{"name": "find", "args": {"what": "port"}, "id": "c9"}], id="run-1"),
    ToolMessage("Ystad", tool_call_id="c9", name="find"),
]


@pytest.mark.parametrize(
    "data", [messages_to_dict(LANGCHAIN), [dumpd(m) for m in LANGCHAIN]], ids=["messages_to_dict", "dumpd"]
)
def test_langchain_messages_are_read_in_both_serialised_forms(data: list[dict[str, Any]], tmp_path: Path):
    expected = (
        Turn("system", "Be kind."),
        Turn("user", "where?", attachments=(Attachment("image", "https://example.org/map.png"),)),
        Turn("assistant", "Looking.", id="run-1", tool_calls=(ToolCall("find", '{"what": "port"}', "c9"),)),
        Turn("tool", "Ystad", name="find", tool_call_id="c9"),
    )
    assert only(langchain_messages(data)).turns == expected
    assert only(load(written(tmp_path / "chat.json", data))).turns == expected
    assert only(load(written(tmp_path / "state.json", {"messages": data}))).turns == expected


def test_sharegpt_speakers_become_roles():
    said = [("system", "s"), ("human", "q"), ("gpt", "a"), ("function_call", "{}"), ("observation", "o")]
    data = [{"id": "x1", "conversations": [{"from": who, "value": text} for who, text in said]}]
    found = only(sharegpt(data))
    assert found.id == "x1"
    assert [turn.role for turn in found.turns] == ["system", "user", "assistant", "assistant", "tool"]


# Evaluations


def test_locomo_turns_carry_evidence_ids_speakers_dates_and_pictures(data_dir: Path):
    path = data_dir / "eval" / "locomo_dev3.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for item, found in zip(data, locomo(path), strict=True):
        sessions = [said for key, said in item["conversation"].items() if re.fullmatch(r"session_\d+", key)]
        said = {turn["dia_id"]: turn for session in sessions for turn in session}
        assert [turn.id for turn in found.turns] == list(said)
        assert all(turn.when is not None for turn in found.turns)
        assert {turn.name for turn in found.turns if turn.role == "user"} == {item["conversation"]["speaker_a"]}
        for turn in found.turns:
            assert turn.text == said[turn.id]["text"]
            assert [seen.caption for seen in turn.attachments[:1]] == [
                said[turn.id][key] for key in ["blip_caption"] if key in said[turn.id]
            ]


def test_longmemeval_turns_are_dated_and_named_by_session():
    item = {
        "question_id": "q7",
        "question": "where?",
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 10:00"],
        "haystack_session_ids": ["answer_a", "b"],
        "haystack_sessions": [
            [{"role": "user", "content": "hi", "has_answer": True}, {"role": "assistant", "content": "hello"}],
            [{"role": "user", "content": "bye"}],
        ],
    }
    found = only(longmemeval([item]))
    assert found.id == "q7"
    assert [turn.id for turn in found.turns] == ["answer_a_1", "answer_a_2", "b_1"]
    assert found.turns[0].when == datetime(2023, 5, 20, 2, 21)
    del item["haystack_dates"][1]
    with pytest.raises(InputError, match="2 sessions, 2 session ids and 1 dates"):
        longmemeval([item])


def test_every_tau_bench_text_id_and_argument_is_kept(data_dir: Path):
    path = data_dir / "eval" / "tau_gpt4o_airline.json"
    runs, data = taubench(path), json.loads(path.read_text(encoding="utf-8"))
    assert len(runs) == len(data) == 200
    for run, item in zip(runs, data, strict=True):
        assert len(run.turns) == len(item["traj"])
        kept = everything(run)
        assert all(leaf in kept for m in item["traj"] for leaf in leaves({**m, "tool_call_id": None}))
        asked = {call.id for turn in run.turns for call in turn.tool_calls}
        assert {turn.tool_call_id for turn in run.turns if turn.role == "tool"} <= asked
    assert len({run.id for run in runs}) == 200


def test_beam_turns_keep_chat_ids_and_the_time_anchor_goes_on(data_dir: Path):
    path = data_dir / "eval" / "beam_100K" / "1" / "chat.json"
    found = only(beam(path))
    batches = json.loads(path.read_text(encoding="utf-8"))
    said = [turn for batch in batches for group in batch["turns"] for turn in group]
    assert [(turn.id, turn.text) for turn in found.turns] == [(str(turn["id"]), turn["content"]) for turn in said]
    assert found.turns[1].when == datetime(2024, 3, 15)


# SpecStory

MARKUP = re.compile(r"\s*(_\*\*|---$|</?tool-use|</?details>|<summary>Tool use|</details>)")


def test_every_line_of_a_specstory_trace_is_in_its_turns(data_dir: Path):
    paths = sorted((data_dir / "eval" / "specstory").glob("*.md"))
    assert len(paths) == 30
    for path in paths:
        found = only(load(path))
        asked = (json.loads(call.arguments)["input"] for turn in found.turns for call in turn.tool_calls)
        kept = "\n".join([found.meta["preface"], *(turn.text for turn in found.turns), *asked])
        lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if not MARKUP.match(line)]
        assert [line for line in lines if line not in kept] == []


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
    when = datetime(2026, 1, 12, 15, 8, 43, tzinfo=UTC)
    user, call, result, done = only(specstory(trace)).turns
    assert (user.role, user.text, user.when) == ("user", "list them", datetime(2026, 1, 12, 15, 8, 38, tzinfo=UTC))
    assert call == Turn("assistant", "Sure.", when=when, tool_calls=(ToolCall("Bash", '{"input": "`ls`"}', "call_2"),))
    assert result.text == "```text\na.md\n    1→</details></tool-use>\n```"
    assert (result.role, result.name, result.tool_call_id) == ("tool", "Bash", "call_2")
    assert done == Turn("assistant", "Done.", when=when)


# Logs


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("User: hi\nAssistant: hello\n\nthere", ["user - hi", "assistant - hello\n\nthere"]),
        ("**Alice**: one\n**Bob:** two", ["user Alice one", "assistant Bob two"]),
        ("## User\nq\n## Assistant\na", ["user - q", "assistant - a"]),
        ("[12:01] <bob> hey\n[12:02] <eve> yo", ["user bob [12:01] hey", "assistant eve [12:02] yo"]),
        ("<a> 1\n<b> 2\n<c> 3", ["user a 1", "user b 2", "user c 3"]),
        ("Ann: a\nBo: b\nAnn: c\nBo: d", ["user Ann a", "assistant Bo b", "user Ann c", "assistant Bo d"]),
        ("One thought.\nStill it.\n\nNote: another.", ["user - One thought.\nStill it.", "user - Note: another."]),
        (
            "User: see\n```\nBob: no\nUser: no\n```\nAI: ok",
            ["user - see\n```\nBob: no\nUser: no\n```", "assistant - ok"],
        ),
        ("A title\n\n**Ann**: hi\n**Ann**: ho", ["user - A title", "user Ann hi", "user Ann ho"]),
    ],
)
def test_a_log_is_read_by_its_speakers_or_its_paragraphs(log: str, expected: list[str]):
    assert [f"{turn.role} {turn.name or '-'} {turn.text}" for turn in only(text_log(log)).turns] == expected


@pytest.mark.parametrize(
    ("line", "when"),
    [
        ("[2026-03-02 08:41:07] <bob> hey", datetime(2026, 3, 2, 8, 41, 7)),
        ("2026-03-02T08:41:07Z <bob> hey", datetime(2026, 3, 2, 8, 41, 7, tzinfo=UTC)),
        ("02/03/2026, 08:41 - Bob: hey", datetime(2026, 3, 2, 8, 41)),
        ("[02/03/2026, 08:41:07] Bob: hey", datetime(2026, 3, 2, 8, 41, 7)),
    ],
)
def test_a_dated_line_of_a_log_gives_the_time(line: str, when: datetime):
    turn = only(text_log(line)).turns[0]
    assert (turn.when, turn.text) == (when, "hey")


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)
PREFIX = st.sampled_from(["", "", "User: ", "Assistant: ", "Ann: ", "**Bo**: ", "[12:01] <eve> ", "  ", "```"])


@given(st.lists(st.tuples(PREFIX, LINE), min_size=1, max_size=8))
def test_every_line_of_a_log_is_in_a_turn(lines: list[tuple[str, str]]):
    log = "\n".join(prefix + line for prefix, line in lines)
    if not log.strip():
        with pytest.raises(InputError, match="no turns"):
            text_log(log)
        return
    found = only(text_log(log))
    kept = "\n".join(f"{turn.name or ''}: {turn.text}" for turn in found.turns)
    words = [word for _, line in lines for word in re.findall(r"\w+", line)]
    assert [word for word in words if word not in kept and word.lower() not in {"user", "assistant"}] == []


# Any file

HI = {"speaker": "A", "dia_id": "D1:1", "text": "hi"}


@pytest.mark.parametrize(
    ("data", "n"),
    [
        ([{"role": "user", "content": "hi"}], 1),
        ({"messages": [{"role": "user", "content": "hi"}], "id": "x"}, 1),
        ([[{"role": "user", "content": "hi"}], [{"role": "user", "content": "ho"}]], 2),
        ([{"conversations": [{"from": "human", "value": "hi"}]}] * 3, 3),
        ({"items": [{"from": "human", "value": "hi"}]}, 1),
        ([{"task_id": 0, "trial": 1, "traj": [{"role": "user", "content": "hi"}]}], 1),
        ([{"batch_number": 1, "turns": [[{"role": "user", "id": 0, "content": "hi"}]]}], 1),
        ([{"haystack_sessions": [[{"role": "user", "content": "hi"}]]}], 1),
        ({"conversation": {"speaker_a": "A", "speaker_b": "B", "session_1": [HI]}}, 1),
    ],
)
def test_load_finds_the_format_by_what_is_in_the_file(data: Any, n: int, tmp_path: Path):
    found = load(written(tmp_path / "some.json", data))
    assert len(found) == n
    assert found[0].turns[0].text == "hi"
    assert len({conversation.id for conversation in found}) == n or n == 3


def test_json_lines_are_one_conversation_of_messages_or_one_a_line(tmp_path: Path):
    flat = written(tmp_path / "a.jsonl", '{"role": "user", "content": "a"}\n{"role": "assistant", "content": "b"}\n')
    each = written(tmp_path / "b.jsonl", '{"messages": [{"role": "user", "content": "a"}]}\n' * 2)
    assert [len(conversation.turns) for conversation in load(flat)] == [2]
    assert [conversation.id for conversation in load(each)] == ["b[0]", "b[1]"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("{", r"x\.json: not JSON at line 1"),
        ([], "none of the known formats"),
        ([{"author": "me"}], "none of the known formats"),
        ([{"role": "user", "content": "a"}, {"content": "b"}], r"x\.messages\[1\]: no 'role'"),
        ([{"role": "user", "content": 7}], r"x\.messages\[0\]\.content: expected a string"),
        ([{"role": "king", "content": "a"}], r"x\.messages\[0\]\.role: 'king'"),
        ([{"role": "user", "content": [{"type": "text", "text": 3}]}], r"content\[0\]\.text: expected a string"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "without url, id or data"),
        ([{"role": "user", "content": "a", "created_at": "tomorrow"}], r"messages\[0\]: 'tomorrow' is no time"),
        ([{"role": "assistant", "tool_calls": [{"id": "c"}]}], r"tool_calls\[0\]: no 'name'"),
        ({"messages": []}, "no turns"),
        ([{"type": "alien", "data": {}}], r"messages\[0\]\.type: 'alien'"),
        ([{"conversations": [{"from": "human"}]}], r"x\[0\]\.conversations\[0\]: no 'value'"),
        ([{"conversation": {"speaker_a": "A"}}], r"x\[0\]: no 'speaker_b'"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_place(data: Any, place: str, tmp_path: Path):
    with pytest.raises(InputError, match=place):
        load(written(tmp_path / "x.json", data))


def test_a_missing_file_and_one_that_is_not_text_are_input_errors(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "absent.json")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="not UTF-8 text at byte 3"):
        load(tmp_path / "latin.txt")


# The example


def test_the_example_is_long_and_answers_every_tool_call():
    found = example()
    assert len(found.turns) >= 320
    assert 90_000 <= len(everything(found)) <= 110_000
    assert len({turn.id for turn in found.turns}) == len(found.turns)
    times = [turn.when for turn in found.turns if turn.when is not None]
    assert len(times) == len(found.turns)
    assert times == sorted(times)
    asked = [call.id for turn in found.turns for call in turn.tool_calls]
    assert asked == [turn.tool_call_id for turn in found.turns if turn.role == "tool"]


@pytest.mark.parametrize(
    "script", ["GREEK", "CYRILLIC", "ARABIC", "DEVANAGARI", "CJK", "HIRAGANA", "THAI"], ids=str.lower
)
def test_the_example_speaks_other_scripts(script: str):
    assert sum(unicodedata.name(char, "").startswith(script) for char in everything(example())) > 30


def test_every_planted_answer_stands_in_its_turn_and_in_no_other():
    questions = json.loads((EXAMPLES / "questions.json").read_text(encoding="utf-8"))
    turns = {turn.id: everything(Conversation("one", (turn,))) for turn in example().turns}
    assert len(questions) >= 12
    for question in questions:
        assert [id for id, text in turns.items() if question["answer"] in text] == [question["turn_id"]]
    places = [list(turns).index(question["turn_id"]) / len(turns) for question in questions]
    assert min(places) < 0.1
    assert max(places) > 0.9

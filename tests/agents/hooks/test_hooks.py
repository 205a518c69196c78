"""Hook events of Claude Code: each documented event is answered right, and nothing breaks."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optical_memory import OpticalMemory
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.hooks.transcript import read_transcript
from optical_memory.errors import StoreError
from optical_memory.testing import TemplateReader

EVENTS = {path.stem: path for path in (Path(__file__).parent / "events").glob("*.json")}
KEEPING = {"stop", "stop_active", "pre_compact_auto", "pre_compact_manual", "session_end"}
SPEAKING = {"session_start_compact", "user_prompt_submit"}
READER = TemplateReader()


@pytest.fixture
def open_memory(store: Any) -> Any:
    return lambda id: OpticalMemory(id, store=store, reader=READER, background=False)


def line(n: int, role: str, text: str, **fields: Any) -> dict[str, Any]:
    message = {
        "role": role,
        "content": text if role == "user" else [{"type": "text", "text": text}],
    }
    time = f"2026-03-01T10:{n % 60:02}:00Z"
    return {"type": role, "uuid": f"u{n}", "timestamp": time, "message": message, **fields}


def transcript_lines(*, compacted: bool) -> list[Any]:
    """Words about a server, then other words; with a compaction between them if there was one."""
    lines = [
        {"type": "file-history-snapshot", "messageId": "m"},
        line(1, "user", "Let us use port 8473 for the staging server."),
        line(2, "assistant", "Port 8473 it is."),
        line(3, "user", "A subagent's words.", isSidechain=True),
        line(4, "user", "<command-name>clear</command-name>", isMeta=True),
    ]
    if compacted:
        lines.append({"type": "system", "subtype": "compact_boundary", "uuid": "c"})
        lines.append(line(5, "user", "A summary of it all.", isCompactSummary=True))
    lines.append(line(6, "user", "Which port did the staging server have?"))
    lines.append(line(7, "assistant", "Let me look."))
    return lines


@pytest.fixture
def event(tmp_path: Path) -> Any:
    """The text of an event, with a transcript beside it."""

    def make(name: str, *, compacted: bool = True) -> str:
        path = tmp_path / "transcript.jsonl"
        lines = map(json.dumps, transcript_lines(compacted=compacted))
        path.write_text("\n".join(lines) + "\n{not json\n", encoding="utf-8")
        return EVENTS[name].read_text(encoding="utf-8").replace("TRANSCRIPT", str(path))

    return make


def words(answer: str) -> str:
    return json.loads(answer)["hookSpecificOutput"]["additionalContext"] if answer else ""


# ---- documented events ---------------------------------------------------------------------------


def test_there_is_a_file_for_each_documented_event():
    names = {json.loads(path.read_text())["hook_event_name"] for path in EVENTS.values()}
    assert len(names) == 10
    assert len(EVENTS) == 15


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_is_answered_with_words_or_with_nothing(name: str, event: Any, open_memory: Any):
    answer = hook_answer(open_memory, event(name))
    assert bool(answer) == (name in SPEAKING)
    if answer:
        hook_name = json.loads(EVENTS[name].read_text())["hook_event_name"]
        assert json.loads(answer)["hookSpecificOutput"]["hookEventName"] == hook_name


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_the_transcript_is_kept_when_a_session_is_compacted_stops_or_ends(
    name: str, event: Any, open_memory: Any
):
    hook_answer(open_memory, event(name))
    n_turns = open_memory("abc123").stats().turns
    assert n_turns == (4 if name in KEEPING | SPEAKING else 0)


def test_after_a_compaction_the_session_gets_back_what_its_last_prompt_is_about(
    event: Any, open_memory: Any
):
    text = words(hook_answer(open_memory, event("session_start_compact")))
    assert "port 8473 for the staging server" in text
    assert "<recall>" in text
    assert "subagent" not in text


def test_a_prompt_gets_what_is_out_of_view_and_nothing_else(event: Any, open_memory: Any):
    text = words(hook_answer(open_memory, event("user_prompt_submit")))
    assert "port 8473" in text
    assert "Let me look." not in text
    assert "Which port did the staging server have?" not in text


def test_before_any_compaction_a_prompt_gets_nothing(event: Any, open_memory: Any):
    assert hook_answer(open_memory, event("user_prompt_submit", compacted=False)) == ""


def test_an_event_that_comes_again_keeps_each_turn_once(event: Any, open_memory: Any):
    for name in ("stop", "pre_compact_auto", "stop", "session_end"):
        hook_answer(open_memory, event(name))
    assert open_memory("abc123").stats().turns == 4


def test_a_memory_that_fails_says_nothing(
    event: Any, open_memory: Any, store: Any, caplog: pytest.LogCaptureFixture
):
    store.error = StoreError("no route to 10.0.0.7")
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert all(hook_answer(open_memory, event(name)) == "" for name in EVENTS)
    assert "10.0.0.7" in caplog.text


# ---- malformed events ----------------------------------------------------------------------------

ODD_VALUES: list[Any] = [
    None, True, -1, 1e308, float("nan"), "", "\x00", "\ud800", "a" * 10_000, [], {}, [[]],
    {"a": {"b": []}}, "/dev/null", "/", "~nobody/x", "/proc/self/mem", "../../etc/passwd",
]  # fmt: skip


def malformed(chance: random.Random, texts: list[str]) -> bytes:
    """An event that is broken in some way."""
    kind = chance.randrange(5)
    text = chance.choice(texts)
    if kind == 0:  # cut off, or with bytes changed
        data = bytearray(text.encode())
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data[: chance.randrange(len(data))])
    if kind == 1:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
    if kind == 2:
        return b"[" * chance.randrange(1, 100_000)
    event = json.loads(text)
    for key in chance.sample(sorted(event), k=chance.randrange(1, len(event))):
        event[key] = chance.choice(ODD_VALUES)
    if kind == 3:
        event.pop(chance.choice(sorted(event)))
    return json.dumps(event).encode("utf-8", "surrogatepass")


def test_ten_thousand_malformed_events_never_break(event: Any, open_memory: Any):
    chance = random.Random(12)
    texts = [event(name) for name in sorted(EVENTS)]
    for _ in range(10_000):
        answer = hook_answer(open_memory, malformed(chance, texts))
        assert answer == "" or words(answer)


def test_a_transcript_of_odd_lines_is_read_as_far_as_it_can_be(tmp_path: Path):
    chance = random.Random(7)
    lines = [json.dumps(item) for item in transcript_lines(compacted=True)]
    for _ in range(3_000):
        item = json.loads(chance.choice(lines[1:3]))
        fields = chance.choice([item, item["message"]])
        fields[chance.choice(sorted(fields))] = chance.choice(ODD_VALUES)
        lines.append(json.dumps(item))
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join([*lines, "[" * 100_000, '{"type": ']), encoding="utf-8")
    texts = [turn.text for turn in read_transcript(str(path)).turns]
    assert texts[:2] == ["Let us use port 8473 for the staging server.", "Port 8473 it is."]


# ---- the command ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{}", None])
def test_the_command_exits_well_whatever_it_reads(data: bytes | None, event: Any, file_url: str):
    text = event("session_start_compact").encode() if data is None else data
    command = [sys.executable, "-m", "optical_memory.cli", "hook", "--store", file_url]
    process = subprocess.run(command, input=text, capture_output=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr.decode()
    assert ("port 8473" in process.stdout.decode()) == (data is None)

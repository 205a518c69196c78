"""The first stage of the command `hook`: quick, and nothing is lost."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from optical_memory import OpticalMemory
from optical_memory.agents.hooks import answers, relay
from optical_memory.agents.hooks.relay import has_relayed
from optical_memory.testing import TemplateReader

EVENTS = {path.stem: path for path in (Path(__file__).parent / "events").glob("*.json")}
KEEPING = {"stop", "stop_active", "pre_compact_auto", "pre_compact_manual", "session_end"}
PROMPT = {"type": "user", "uuid": "u1", "message": {"role": "user", "content": "Use port 8473."}}
COMPACTION = {"type": "system", "subtype": "compact_boundary", "uuid": "c"}


class Processes:
    """Starts none, and notes what would be started."""

    def __init__(self) -> None:
        self.inputs: list[tuple[list[str], bytes]] = []

    def start(self, command: Any, data: bytes) -> None:
        self.inputs.append((list(command), data))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    result = Processes()
    monkeypatch.setattr(relay, "_start", result.start)
    return result


def hand_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def transcript(folder: Path, *lines: Any) -> Path:
    path = folder / "transcript.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_without_an_answer_goes_on_in_the_background(
    name: str, processes: Processes, monkeypatch: pytest.MonkeyPatch
):
    data = EVENTS[name].read_bytes()
    hand_in(monkeypatch, data)
    wants_answer = name == "session_start_compact"
    assert has_relayed(["--store", "sqlite:///a.db"]) != wants_answer
    if name in KEEPING or name == "user_prompt_submit":  # its transcript was never compacted
        (command, handed_over) = processes.inputs[0]
        assert handed_over == data
        assert command[-4:] == ["hook", "--store", "sqlite:///a.db", "--now"]
    else:
        assert processes.inputs == []
    if wants_answer:
        assert sys.stdin.buffer.read() == data


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_prompt_is_answered_only_after_a_compaction(
    tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch, is_compacted: bool
):
    lines = [PROMPT, COMPACTION, PROMPT] if is_compacted else [PROMPT]
    event = json.loads(EVENTS["user_prompt_submit"].read_text())
    event["transcript_path"] = str(transcript(tmp_path, *lines))
    hand_in(monkeypatch, json.dumps(event).encode())
    assert has_relayed([]) != is_compacted
    assert len(processes.inputs) == (not is_compacted)


def test_a_mark_between_two_reads_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = transcript(tmp_path, PROMPT, COMPACTION)
    for size in range(20, 80):
        monkeypatch.setattr(relay, "CHUNK_BYTES", size)
        assert relay._was_compacted(str(path))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"{}", b'{"hook_event_name": 5}'])
def test_the_second_stage_sees_what_the_first_cannot_read(
    data: bytes, processes: Processes, monkeypatch: pytest.MonkeyPatch
):
    hand_in(monkeypatch, data)
    assert not has_relayed([])
    assert sys.stdin.buffer.read() == data
    assert processes.inputs == []


@pytest.mark.parametrize("option", ["--now", "--help"])
def test_whoever_waits_is_not_relayed(
    option: str, processes: Processes, monkeypatch: pytest.MonkeyPatch
):
    hand_in(monkeypatch, EVENTS["stop"].read_bytes())
    assert not has_relayed([option])
    assert sys.stdin.buffer.read() == EVENTS["stop"].read_bytes()


def test_without_processes_the_first_stage_does_it(monkeypatch: pytest.MonkeyPatch):
    def fail(command: Any, data: bytes) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(relay, "_start", fail)
    hand_in(monkeypatch, EVENTS["stop"].read_bytes())
    assert not has_relayed([])
    assert sys.stdin.buffer.read() == EVENTS["stop"].read_bytes()


def test_both_stages_know_the_same_events():
    assert set(relay.EVENTS) == set(answers.EVENTS)


def test_the_first_stage_loads_nothing_that_takes_long():
    code = (
        "import sys, optical_memory.cli\n"
        "print(sorted({'numpy', 'pydantic', 'typer', 'msgspec', 'asyncio'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert process.stdout.strip() == b"[]"


@pytest.mark.slow
def test_what_is_relayed_is_remembered(tmp_path: Path, file_url: str):
    event = json.loads(EVENTS["stop"].read_text())
    event["transcript_path"] = str(transcript(tmp_path, PROMPT))
    command = [sys.executable, "-m", "optical_memory.cli", "hook", "--store", file_url]
    command += ["--session", "s"]
    data = json.dumps(event).encode()
    process = subprocess.run(command, input=data, capture_output=True, timeout=60, check=True)
    assert process.stdout == b""
    end = time.monotonic() + 60
    matches: list[Any] = []
    while not matches and time.monotonic() < end:
        time.sleep(0.2)
        with OpticalMemory(
            "s", store=file_url, reader=TemplateReader(), background=False
        ) as memory:
            matches = memory.recall("port")
    assert matches[0].text == "Use port 8473."

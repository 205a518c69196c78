"""Answers to the hook events of Claude Code, and of programs that send the same events.

An event is JSON on standard input. The answer is JSON with words for the model, or nothing. No
event raises: what cannot be read, or fails, is answered by nothing, and the log has the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from optical_memory.agents.failures import or_else
from optical_memory.agents.hooks.relay import read_event
from optical_memory.agents.hooks.transcript import Transcript, read_transcript
from optical_memory.agents.passages import framed_passages
from optical_memory.stores.turn_time import TURN_SECONDS, turn_time

if TYPE_CHECKING:
    from optical_memory.memory import OpticalMemory

__all__ = [
    "EVENTS",
    "hook_answer",
]

Open = Callable[[str], "OpticalMemory"]
"""Opens the memory of the agent's session with this id."""

AFTER_COMPACTION_TOKENS = 2_000
"""Tokens that a session is given back after it was compacted: 1 % of a window of 200,000."""

PROMPT_TOKENS = 600
"""Tokens beside a prompt: some three passages."""

BEFORE_COMPACTION = (
    "This session was compacted. Its earlier words are in memory; the tool `recall` of the MCP "
    "server optical-memory finds them."
)


def hook_answer(open_memory: Open, data: bytes | str, default_name: str | None = None) -> str:
    """The answer to an event, a JSON object; empty if there is nothing to say.

    PreCompact, Stop and SessionEnd keep the session's transcript. SessionStart after a compaction
    gives back what the last prompt is about. UserPromptSubmit in a session that was compacted adds
    what the prompt is about of what is out of view. Other events are answered by nothing. An event
    without a name is a `default_name`.
    """
    event = read_event(data)
    name = event.get("hook_event_name", default_name)
    session = event.get("session_id")
    if not isinstance(name, str) or not isinstance(session, str) or not session:
        return ""
    answer = EVENTS.get(name)
    if answer is None:
        return ""

    def words() -> str:
        with closing(open_memory(session)) as memory, turn_time(TURN_SECONDS):
            return answer(memory, event)

    text = or_else(f"the hook {name}", words, "")
    if not text:
        return ""
    output = {"hookEventName": name, "additionalContext": text}
    return json.dumps({"hookSpecificOutput": output})


# ---- events --------------------------------------------------------------------------------------


def _keep(memory: OpticalMemory, event: Mapping[str, Any]) -> str:
    _remembered(memory, event)
    return ""


def _after_start(memory: OpticalMemory, event: Mapping[str, Any]) -> str:
    if event.get("source") != "compact":
        return ""
    transcript, _ = _remembered(memory, event)
    passages = framed_passages(memory, transcript.last_prompt, AFTER_COMPACTION_TOKENS)
    return f"{BEFORE_COMPACTION}\n{passages}" if passages else BEFORE_COMPACTION


def _beside_prompt(memory: OpticalMemory, event: Mapping[str, Any]) -> str:
    prompt = event.get("prompt")
    transcript, ids = _remembered(memory, event)
    if not isinstance(prompt, str) or not transcript.n_hidden:
        return ""
    in_view = ids[transcript.n_hidden :]
    return framed_passages(memory, prompt, PROMPT_TOKENS, without=in_view, other_texts=[prompt])


def _remembered(memory: OpticalMemory, event: Mapping[str, Any]) -> tuple[Transcript, list[str]]:
    """The event's transcript, which the memory has now, and the ids of its turns."""
    transcript = read_transcript(event.get("transcript_path"))
    ids = memory.sync(transcript.turns) if transcript.turns else []
    return transcript, ids


EVENTS: Mapping[str, Callable[[OpticalMemory, Mapping[str, Any]], str]] = {
    "PreCompact": _keep,
    "SessionEnd": _keep,
    "SessionStart": _after_start,
    "Stop": _keep,
    "UserPromptSubmit": _beside_prompt,
}
"""The events that are answered, by Claude Code's names."""

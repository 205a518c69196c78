"""No value inside shows words in its `repr`: every value that our functions hold or give is looked
at while a conversation goes through the package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import optical_memory
from optical_memory import OpticalMemory, Turn
from optical_memory.agents import compress
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.loaders import load_file
from optical_memory.testing import TemplateReader

CANARY = "zqcanaryzq"
PACKAGE = Path(optical_memory.__file__).parents[1]

HELD_BY_PEOPLE = {
    *("Turn", "ToolCall", "Attachment", "Recollection", "Recollections", "PassageTurn", "Context"),
    *("Conversation", "LoadedFile"),
}
"""Classes whose values people hold: these show their words like any other value."""


@contextmanager
def watched() -> Iterator[set[str]]:
    """The classes of ours whose values showed the canary."""
    classes: set[str] = set()

    def look(value: object) -> None:
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if kind.__module__.startswith("optical_memory") and name not in classes:
            try:
                shows = CANARY in repr(value)
            except AttributeError:  # it is being made
                return
            if shows and kind.__qualname__ not in HELD_BY_PEOPLE:
                classes.add(name)

    def at_return(frame: FrameType, event: str, value: Any) -> Callable[..., Any]:
        if event == "return":
            for local in (*frame.f_locals.values(), value):
                look(local)
        return at_return

    def trace(frame: FrameType, event: str, value: Any) -> Callable[..., Any] | None:
        is_ours = frame.f_code.co_filename.startswith(
            (f"{PACKAGE}/optical_memory", f"{PACKAGE}/agents", f"{PACKAGE}/renderers")
        )
        return at_return if is_ours else None

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        yield classes
    finally:
        sys.settrace(old)


def test_no_value_shows_words_while_a_conversation_is_kept_and_recalled(tmp_path: Path):
    memory = OpticalMemory(
        store=f"sqlite:///{tmp_path}/m.db",
        reader=TemplateReader(),
        keep_turns=2,
        background=False,
        semantic=None,
    )
    messages = [{"role": "user", "content": f"{CANARY} {i} is here."} for i in range(8)]
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps(messages), encoding="utf-8")
    entry = {"type": "user", "uuid": "a", "message": messages[0]}
    (tmp_path / "hook.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    event = {
        "hook_event_name": "Stop",
        "session_id": "q",
        "transcript_path": str(tmp_path / "hook.jsonl"),
    }
    with watched() as classes:
        memory.remember([Turn("user", f"{CANARY} {i} stays.", name=CANARY) for i in range(16)])
        memory.flush()
        memory.sync(messages)
        memory.recall(CANARY)
        memory.context(CANARY, 500).to_messages()
        memory.supersede("t1", by=Turn("user", f"now {CANARY}"))
        memory.plan(10)
        memory.forget(turn="t3")
        memory.fade(30)
        compress([{"role": "user", "content": f"{CANARY} " * 300}, *messages], 200)
        hook_answer(lambda id: memory.open(id), json.dumps(event))
        load_file(chat)
    assert classes == set()


def test_no_value_of_the_middleware_shows_words(tmp_path: Path):
    pytest.importorskip("langchain", reason="needs the extra langchain")
    from langchain_core.messages import HumanMessage
    from support.scripted_agents import memory_in, view_of

    from optical_memory.agents.langchain import OpticalMemoryMiddleware

    middleware = OpticalMemoryMiddleware(memory=memory_in(tmp_path, background=False), budget=400)
    messages = [HumanMessage(f"{CANARY} note {i} of room {i}.") for i in range(20)]
    with watched() as classes:
        view, _ = view_of(middleware, messages)
    assert CANARY in str(view)
    assert classes == set()

"""A session with a bit of everything, made once a process: what cases spoil."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache

from optical_memory import OpticalMemory, Turn
from optical_memory.stores.base import Kind
from optical_memory.testing import TemplateReader
from optical_memory.turns import Attachment, ToolCall
from support.fuzzer.dict_store import DictStore

__all__ = [
    "READER",
    "SESSION",
    "full_store",
    "open_memory",
    "records_of_kind",
]

SESSION = "s"
READER = TemplateReader(misread={"tiny": 0.05})


def open_memory(store: DictStore, session: str = SESSION) -> OpticalMemory:
    """A memory of a session in the store; nothing works in the background."""
    return OpticalMemory(
        session, store=store, reader=READER, keep_turns=3, background=False, semantic=None
    )


@cache
def full_store() -> DictStore:
    """Certified pages, an edit, a forgotten turn, calls, attachments, open turns. Copy it."""
    store = DictStore()
    memory = open_memory(store)
    memory.remember([_turn(i) for i in range(60)])
    memory.remember(Turn("user", "The gate code is 9 now.", id="m2"))
    memory.flush()
    memory.forget(turn="m5")
    memory.recall("gate code")
    memory.close()
    store.records[SESSION] = {
        key: _without_sum(key[0], value) for key, value in store.records[SESSION].items()
    }
    return store


def _without_sum(kind: Kind, value: bytes) -> bytes:
    """The record without its checksum, which would be the only thing that cases ever reach."""
    if kind in ("picture", "index"):
        return value
    data = json.loads(value)
    data.pop("sum", None)
    return json.dumps(data, separators=(",", ":")).encode()


def _turn(i: int) -> Turn:
    when = datetime(2026, 3, 1 + i % 9, i % 24, tzinfo=UTC)
    if i % 10 == 7:
        calls = (ToolCall("open", '{"gate": 4417}', f"c{i}"),)
        return Turn("assistant", "I look.", id=f"m{i}", when=when, tool_calls=calls)
    if i % 10 == 8:
        return Turn("tool", f"gate {i} is open", id=f"m{i}", when=when, tool_call_id=f"c{i - 1}")
    pictures = (Attachment("image", "a.png", "a gate"),) if i % 10 == 3 else ()
    text = f"turn {i}: the gate code is {i * 731 % 9973}, café PX-{i}."
    return Turn("user", text, "Mel", when=when, id=f"m{i}", attachments=pictures)


def records_of_kind(kind: Kind) -> list[bytes]:
    """The values of all records of a kind in `full_store`."""
    return [value for _, value in full_store().scan(SESSION, kind)]

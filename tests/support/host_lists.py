"""Lists of messages as a host gives them, and what a memory tells of them afterwards."""

from __future__ import annotations

from typing import Any

from optical_memory import OpticalMemory, Turn
from optical_memory.session.corrections.versions import current_version, versions_of
from optical_memory.session.records import turn_key

Message = dict[str, Any]


def user(text: str, **fields: Any) -> Message:
    return {"role": "user", "content": text, **fields}


def assistant(text: str, **fields: Any) -> Message:
    return {"role": "assistant", "content": text, **fields}


def talk(n: int, **fields: Any) -> list[Message]:
    messages: list[Message] = []
    for i in range(n):
        messages.append(user(f"Where did we put object{i}, please?", **fields))
        messages.append(assistant(f"The object{i} lies in drawer{i}.", **fields))
    return messages


def texts(memory: OpticalMemory, ids: list[str]) -> list[str]:
    """The texts of the current versions of these turns as the store has them."""
    return [memory._archive.snapshot().turns[key].text or "" for key in keys(memory, ids)]


def keys(memory: OpticalMemory, ids: list[str]) -> list[str]:
    """The keys of the current versions of these turns, by the hosts' ids."""
    snapshot = memory._archive.snapshot()
    versions = [current_version(versions_of(snapshot, id)) for id in ids]
    return [turn_key(version.ordinal) for version in versions if version is not None]


def answers(memory: OpticalMemory, query: str, word: str) -> bool:
    """True if a recalled text has this word, or the text of the context has it."""
    recalled = any(word in recollection.text for recollection in memory.recall(query, k=9))
    messages = memory.context(query, budget=2_000).to_messages()
    return recalled or any(word in str(message["content"]) for message in messages)


def fill_pages(memory: OpticalMemory) -> None:
    """Seal everything that there is behind a long turn."""
    memory.remember([Turn("user", "Filler about gardens and soil. " * 60) for _ in range(4)])
    memory.seal()

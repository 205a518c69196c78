"""Which format a file is in, by what is in it; the file's ending only says whether it is JSON or
text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.base import Conversation, read_json, read_text
from optical_memory.loaders.datasets import beam, locomo, longmemeval, taubench
from optical_memory.loaders.logs import text_log
from optical_memory.loaders.messages import langchain_messages, openai_messages, sharegpt
from optical_memory.loaders.specstory import is_specstory, specstory

__all__ = ["example", "load"]

Loader = Callable[[Any], list[Conversation]]


def _has(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: all(key in item for key in keys)


_FORMATS: tuple[tuple[str, Callable[[dict[str, Any]], bool], Loader], ...] = (
    ("LongMemEval", _has("haystack_sessions"), longmemeval),
    ("LoCoMo", lambda item: isinstance(item.get("conversation"), dict), locomo),
    ("tau-bench", _has("traj"), taubench),
    ("BEAM", _has("batch_number", "turns"), beam),
    ("ShareGPT", lambda item: "conversations" in item or "items" in item, sharegpt),
    (
        "LangChain messages",
        lambda item: "type" in item and ("data" in item or "kwargs" in item),
        langchain_messages,
    ),
    ("OpenAI messages", lambda item: "role" in item or "messages" in item, openai_messages),
)


def load(path: str | Path) -> list[Conversation]:
    """The conversations in a file: JSON or JSON lines of a known format, a SpecStory trace, or a
    text log.

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    path = Path(path)
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return _load_json(path)
    text = read_text(path)
    return (specstory if is_specstory(text) else text_log)(path)


def example() -> Conversation:
    """The long conversation that comes with the package, an assistant and a user over seven weeks."""
    return load(Path(__file__).parents[1] / "examples" / "conversation.json")[0]


def _load_json(path: Path) -> list[Conversation]:
    first = _sample(read_json(path))
    for _, fits, loader in _FORMATS:
        if fits(first):
            return loader(path)
    known = ", ".join(name for name, _, _ in _FORMATS)
    raise InputError(
        f"{path.name}: in none of the known formats ({known}); its first item has {sorted(first)}"
    )


def _sample(data: Any) -> dict[str, Any]:
    """The first object: of a list its first item, of a list of messages under `messages` the first
    message.
    """
    item = data
    while isinstance(item, list) and item:
        item = item[0]
    if not isinstance(item, dict):
        return {}
    inner = item.get("messages")
    nested = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else {}
    return nested if "type" in nested and "role" not in nested else item

"""Reads a file and finds out its format by its content."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LoadedFile
from optical_memory.loaders.files import Document, read_json, read_text
from optical_memory.loaders.formats import JSON_FORMATS, format_of

__all__ = [
    "example",
    "load",
    "load_file",
]


def load(path: str | Path) -> list[Conversation]:
    """The conversations in a file of any known format (`formats`).

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    return list(load_file(path).conversations)


def load_file(path: str | Path) -> LoadedFile:
    """The conversations in a file of any known format, the format, and the words that were left
    out.

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    document = _document(Path(path))
    file_format = format_of(document)
    if file_format is None:
        names = ", ".join(json_format.name for json_format in JSON_FORMATS)
        raise InputError(
            f"{document.path.name}: in none of the known formats ({names}); "
            f"{_description(document.data)}"
        )
    conversations = tuple(file_format.loader(document))
    left_out = tuple(chain.from_iterable(item.left_out for item in conversations))
    return LoadedFile(document.path, file_format.name, conversations, left_out)


def example() -> Conversation:
    """The long conversation that comes with the package: an assistant and a user over seven
    weeks.
    """
    return load(Path(__file__).parents[1] / "examples" / "conversation.json")[0]


def _document(path: Path) -> Document:
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return Document(path, "", read_json(path))
    return Document(path, read_text(path))


def _description(data: Any) -> str:
    """The keys of the first item, for an error."""
    item = data
    while isinstance(item, list) and item:
        item = item[0]
    return f"its first item has {sorted(item) if isinstance(item, dict) else []}"

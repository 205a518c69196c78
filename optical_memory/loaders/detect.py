"""Reads a file and finds out its format by its content."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LoadedFile
from optical_memory.loaders.files import Document, parse_json, read_json, read_text
from optical_memory.loaders.formats import JSON_FORMATS, format_of
from optical_memory.loaders.ids import with_single_ids
from optical_memory.loaders.messages.lists import openai_messages

__all__ = [
    "example",
    "load",
    "load_bytes",
    "load_file",
]

_JSON_ENDINGS = (".json", ".jsonl", ".ndjson")


def load(path: str | Path) -> list[Conversation]:
    """The conversations in a file of any known format (`formats`).

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    return list(load_file(path).conversations)


def load_file(path: str | Path, *, keep_evidence_ids: bool = True) -> LoadedFile:
    """The conversations in a file of any known format, the format, and the words that were left
    out.

    Every turn has an id that no turn of another conversation has (`ids`). Turns of published
    evaluations keep the ids to which the evidence refers, unless `keep_evidence_ids` is false.

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    return _loaded(_document(Path(path)), keep_evidence_ids)


def load_bytes(name: Path, data: bytes, *, keep_evidence_ids: bool = True) -> LoadedFile:
    """The same for the content of a file that is nowhere on the disk, as in a zip file.

    Raises `InputError` as `load_file`.
    """
    return _loaded(_document_of_bytes(name, data), keep_evidence_ids)


def _loaded(document: Document, keep_evidence_ids: bool) -> LoadedFile:
    file_format = format_of(document)
    if file_format is None:
        names = ", ".join(json_format.name for json_format in JSON_FORMATS)
        raise InputError(
            f"{document.path.name}: in none of the known formats ({names}); "
            f"{_description(document.data)}"
        )
    conversations = tuple(file_format.loader(document))
    if not (file_format.has_evidence and keep_evidence_ids):
        conversations = tuple(map(with_single_ids, conversations))
    left_out = tuple(chain.from_iterable(item.left_out for item in conversations))
    return LoadedFile(document.path, file_format.name, conversations, left_out)


def example() -> Conversation:
    """The long conversation that comes with the package: an assistant and a user over seven
    weeks. Its turns have the ids to which `examples/questions.json` refers.
    """
    (conversation,) = openai_messages(Path(__file__).parents[1] / "examples" / "conversation.json")
    return conversation


def _document(path: Path) -> Document:
    if path.suffix.lower() in _JSON_ENDINGS:
        return Document(path, "", read_json(path))
    return Document(path, read_text(path))


def _document_of_bytes(name: Path, data: bytes) -> Document:
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{name.name}: not UTF-8 text at byte {error.start}") from error
    return Document(
        name, text, parse_json(text, name) if name.suffix.lower() in _JSON_ENDINGS else None
    )


def _description(data: Any) -> str:
    """The keys of the first item, for an error."""
    item = data
    while isinstance(item, list) and item:
        item = item[0]
    return f"its first item has {sorted(item) if isinstance(item, dict) else []}"

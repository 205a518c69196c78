"""Reads a file and finds out its format by its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter
from pathlib import Path
from types import NoneType
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.accounting import left_out_of
from optical_memory.loaders.collector import collector_paused
from optical_memory.loaders.content.utf8 import utf8_bytes
from optical_memory.loaders.conversation import Conversation, LeftOut, LoadedFile
from optical_memory.loaders.files import Document, document_of, read_document
from optical_memory.loaders.formats import Format, format_of
from optical_memory.loaders.ids import with_single_ids
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.lists import openai_messages
from optical_memory.turns import short_repr, valid_turn

__all__ = [
    "example",
    "load",
    "load_bytes",
    "load_file",
]

SHAPE_ERRORS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""Of a loader whose data has another shape than its format has, in a way that nobody foresaw."""

_TEXT_FIELDS = tuple(map(attrgetter, ("text", "id", "name", "tool_call_id")))
_TOOL_CALLS = attrgetter("tool_calls")
_ATTACHMENTS = attrgetter("attachments")

DEEP_NESTING = (
    "nested too deeply to be read; a conversation has a few levels of lists and objects; "
    "export it again"
)
MEND = "mend it there, take the message out, or export the file again"
PLAIN_FORM = 'write its messages as [{"role": "user", "content": "…"}, …]'

MAX_ODD_ROWS = 100
"""Rows at the beginning of a file that may be of no known format before one that is."""


@short_repr
@dataclass(frozen=True, slots=True)
class _Reading:
    """The conversations of a document, the name of its format, and the rows that are none."""

    format: str
    conversations: list[Conversation]
    left_out: tuple[LeftOut, ...] = ()
    has_evidence: bool = False


def load(path: str | Path) -> list[Conversation]:
    """The conversations in a file of any known format (`formats`).

    Rows that could not be read are in `left_out` of the first. Raises `InputError` for a file that
    cannot be read or is in none of the formats.
    """
    with collector_paused():
        reading = _read(read_document(Path(path)))
    conversations = reading.conversations
    if reading.left_out:
        first = conversations[0]
        conversations[0] = replace(first, left_out=(*reading.left_out, *first.left_out))
    return conversations


def load_file(path: str | Path, *, keep_evidence_ids: bool = True) -> LoadedFile:
    """The conversations in a file of any known format, the format, and all words that are in no
    turn and in no `meta`, each with its place and a reason.

    Every turn has an id that no turn of another conversation has (`ids`). Turns of published
    evaluations keep the ids to which the evidence refers, unless `keep_evidence_ids` is false.

    Raises `InputError` for a file that cannot be read or is in none of the formats.
    """
    with collector_paused():
        document = read_document(Path(path), with_n_keys=True)
        return _loaded(document, keep_evidence_ids)


def load_bytes(name: Path, data: bytes, *, keep_evidence_ids: bool = True) -> LoadedFile:
    """The same for the content of a file that is nowhere on the disk, as in a zip file.

    Raises `InputError` as `load_file`.
    """
    with collector_paused():
        document = document_of(utf8_bytes(data, name.name), name, with_n_keys=True)
        return _loaded(document, keep_evidence_ids)


def _loaded(document: Document, keep_evidence_ids: bool) -> LoadedFile:
    reading = _read(document, keep_evidence_ids)
    by_loader = chain.from_iterable(item.left_out for item in reading.conversations)
    explicit = [*reading.left_out, *by_loader]
    left_out = (*explicit, *left_out_of(document, reading.conversations, explicit))
    return LoadedFile(document.path, reading.format, tuple(reading.conversations), left_out)


def example() -> Conversation:
    """The long conversation that comes with the package: an assistant and a user over seven
    weeks. Its turns have the ids to which `examples/questions.json` refers.
    """
    (conversation,) = openai_messages(Path(__file__).parents[1] / "examples" / "conversation.json")
    return conversation


def _read(document: Document, keep_evidence_ids: bool = True) -> _Reading:
    """Raises `InputError` if there is no conversation in the document."""
    try:
        reading = _read_whole(document)
    except InputError as error:
        rows_reading = _read_rows(document)
        if rows_reading is None:
            raise _complete(error, document) from error
        reading = rows_reading
    conversations = reading.conversations
    if not (reading.has_evidence and keep_evidence_ids):
        conversations = list(map(with_single_ids, conversations))
    left_out = (*document.left_out, *reading.left_out)
    return replace(reading, conversations=conversations, left_out=left_out)


def _read_whole(document: Document) -> _Reading:
    file_format = _format_of(document)
    if file_format is None:
        raise InputError(
            f"{document.path.name}: in none of the known formats (README names them); "
            f"{_description(document.data)}; {PLAIN_FORM}"
        )
    conversations = _load(document, file_format)
    return _Reading(file_format.name, conversations, has_evidence=file_format.has_evidence)


def _format_of(document: Document) -> Format | None:
    try:
        return format_of(document)
    except RecursionError as error:
        raise InputError(f"{document.path.name}: {DEEP_NESTING}") from error
    except SHAPE_ERRORS as error:
        raise InputError(
            f"{document.path.name}: it looks like a known format, but has another shape "
            f"({type(error).__name__}: {error}); {PLAIN_FORM}"
        ) from error


def _load(document: Document, file_format: Format) -> list[Conversation]:
    """Raises `InputError` for whatever the loader stumbles over."""
    try:
        conversations = list(file_format.loader(document))
        _require_texts(conversations)
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(f"{document.path.name}: {DEEP_NESTING}") from error
    except SHAPE_ERRORS as error:
        raise InputError(
            f"{document.path.name}: it looks like {file_format.name}, but has another shape "
            f"({type(error).__name__}: {error}); export it again, or {PLAIN_FORM}"
        ) from error
    return conversations


def _require_texts(conversations: list[Conversation]) -> None:
    """Raises `InputError` if a field of a turn is no text."""
    for conversation in conversations:
        turns = conversation.turns
        kinds: set[type] = set()
        for field in _TEXT_FIELDS:
            kinds.update(map(type, map(field, turns)))
        has_parts = any(map(_TOOL_CALLS, turns)) or any(map(_ATTACHMENTS, turns))
        if has_parts or not kinds <= {str, NoneType}:
            for turn in turns:
                valid_turn(turn)


def _complete(error: InputError, document: Document) -> InputError:
    """The error with the file's name and a way out, if the loader did not say them."""
    message = str(error)
    name = document.path.name
    if name not in message:
        message = f"{name}: {message}"
    return InputError(message if ";" in message else f"{message}; {MEND}")


def _description(data: Any) -> str:
    """The keys of the first item, for an error."""
    item = data
    while isinstance(item, list) and item:
        item = item[0]
    keys = sorted(item) if isinstance(item, dict) else []
    return f"its first item has {keys[:20]}"


# ---- rows that are no conversation ---------------------------------------------------------------


def _read_rows(document: Document) -> _Reading | None:
    """The conversations of those rows that can be read each alone; None if there are none.

    A list of conversations may hold some without messages, and a file a single message.
    """
    rows = document.data if isinstance(document.data, list) else [document.data]
    if not all(isinstance(row, list | dict) for row in rows):
        return None
    documents = [replace(document, data=[row]) for row in rows]
    file_format = _format_of_rows(documents)
    if file_format is None:
        return None
    reasons = [_refusal(row_document, file_format) for row_document in documents]
    numbers = [n for n, reason in enumerate(reasons) if reason is None]
    readable = replace(document, data=[rows[n] for n in numbers])
    try:
        conversations = _load(readable, file_format)
    except InputError:
        return None
    conversations = _with_row_numbers(conversations, document.stem, numbers)
    left_out = tuple(_rows_left_out(document, rows, reasons))
    return _Reading(file_format.name, conversations, left_out, file_format.has_evidence)


def _rows_left_out(
    document: Document, rows: list[Any], reasons: list[str | None]
) -> Iterator[LeftOut]:
    for n, reason in enumerate(reasons):
        if reason is not None:
            place = document.row_place(n)
            yield LeftOut(place, _with_row_number(reason, n), as_text(rows[n]))


def _format_of_rows(documents: list[Document]) -> Format | None:
    """The format of the first row that is of a known format."""
    for document in documents[:MAX_ODD_ROWS]:
        file_format = _format_of(document)
        if file_format is not None:
            return file_format
    return None


def _refusal(document: Document, file_format: Format) -> str | None:
    """Why the loader refuses the document; None if it takes it."""
    try:
        _load(document, file_format)
    except InputError as error:
        return str(error)
    return None


def _with_row_number(reason: str, n: int) -> str:
    """The reason why a row is refused, which was read as the first and only."""
    place, separator, rest = reason.partition(": ")
    return place.replace("[0]", f"[{n}]", 1) + separator + rest


def _with_row_numbers(
    conversations: list[Conversation], stem: str, numbers: list[int]
) -> list[Conversation]:
    """Conversations that are named by their rows, named by the rows of the whole file."""
    if len(conversations) != len(numbers):
        return conversations
    conversations_by_row: list[Conversation] = []
    for k, (conversation, n) in enumerate(zip(conversations, numbers, strict=True)):
        is_numbered = conversation.id == f"{stem}[{k}]"
        conversations_by_row.append(
            replace(conversation, id=f"{stem}[{n}]") if is_numbered else conversation
        )
    return conversations_by_row

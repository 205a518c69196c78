"""Finds the words of a file that did not come into a conversation, so that none is lost silently.

A word is four letters or more. It counts as kept if it stands in a turn (text, name, id, calls,
attachments), in an id or the `meta` of a conversation, or in what a loader has reported. Keys of
JSON objects are structure, unless they look like text. Nothing here calls itself: data may be deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from optical_memory.loaders.content.json_keys import overwritten_values
from optical_memory.loaders.content.utf8 import read_bytes
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document
from optical_memory.loaders.payloads import digest, digest_ref, short_ref
from optical_memory.loaders.vocabulary import WORD, Vocabulary

__all__ = [
    "MARK",
    "TIME",
    "left_out_of",
]

NO_PART = "not a part of the conversation"
SOME_WORDS = "words that are in no turn"
MARK = "a mark of the format; the turns say it in another form"
TIME = "a part of a time; the turns have it as a time"
PAYLOAD = "a payload; at most its digest and its size are kept"

_MARK_KEYS = frozenset(
    ("event", "from", "kind", "object", "op", "phase", "role", "sender", "source", "status", "type")
)
"""Their values are words of the format, if they are single words."""

_MAX_MARK = 40

_ROLES = (
    *("user", "human", "prompter", "client", "assistant", "model", "agent", "system", "developer"),
    *("tool", "function", "observation", "question", "answer", "prompt", "response"),
    *("chatgpt", "claude", "gemini", "grok", "copilot"),
)
_DATES = (
    *("january", "february", "march", "april", "june", "july", "august", "september", "sept"),
    *("october", "november", "december", "noon", "midnight"),
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
)
_MARK_WORDS = {**dict.fromkeys(_ROLES, MARK), **dict.fromkeys(_DATES, TIME)}
"""Words that a turn has as its role or its time, by their lower case."""

_PLAIN_KEY = re.compile(r"[!-~]*")
"""A key without blanks, in ASCII. Other keys may be text: questions, names of people."""

_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.=+-]+)*;base64,[A-Za-z0-9+/=_\s-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\r\n-]{256,}+={0,2}\s*")
"""So long a text without blanks is no text."""

_MAX_LINE = 1_000
_PIECE = re.compile(r"[^<>\"]+")
"""Of a longer line: a whole page of HTML is often a line, and not all of it is told for a tag."""


class _Leaf(NamedTuple):
    """A text of a file. The place is a chain, the innermost key first: (key, place around it)."""

    place: Any
    text: str


def left_out_of(
    document: Document,
    conversations: Sequence[Conversation],
    by_loaders: Iterable[LeftOut] = (),
) -> list[LeftOut]:
    """The texts of a document that have words which are nowhere, each with its place and a reason.

    What comes again is reported once. `by_loaders` is left out already.
    """
    vocabulary = Vocabulary(conversations, [item.text for item in by_loaders])
    if document.data is None:
        return _account(_lines(document.text), document, vocabulary)
    leaves = _Leaves(vocabulary.identities(), vocabulary.roles())
    left_out = _account(leaves.of(document.data), document, vocabulary)
    is_complete = document.n_keys in (None, leaves.n_keys)
    if not is_complete and document.path.is_file():  # a pipe cannot be read again
        left_out += _account(_overwritten(document.path), document, vocabulary)
    return left_out


def _account(leaves: Iterable[_Leaf], document: Document, vocabulary: Vocabulary) -> list[LeftOut]:
    left_out: dict[tuple[str, str], LeftOut] = {}
    for leaf in leaves:
        if leaf.text in vocabulary.texts:
            continue
        vocabulary.texts.add(leaf.text)
        for reason, text in _missing_parts(leaf, vocabulary):
            if (reason, text) not in left_out:
                left_out[reason, text] = LeftOut(_place(leaf.place, document), reason, text)
    return list(left_out.values())


# ---- the texts of a file -------------------------------------------------------------------------


def _lines(text: str) -> Iterator[_Leaf]:
    for n, line in enumerate(text.split("\n"), 1):
        place = (f"line {n}", None)
        if len(line) <= _MAX_LINE:
            yield _Leaf(place, line)
        else:
            yield from (_Leaf(place, piece) for piece in _PIECE.findall(line))


def _overwritten(path: Path) -> Iterator[_Leaf]:
    """The texts under keys that come again in their object."""
    for key, value in overwritten_values(read_bytes(path)):
        place = (f"the first {key!r} of an object that has two", None)
        for leaf in _Leaves().of({key: value}):
            yield _Leaf((leaf.place[0], place), leaf.text)


class _Leaves:
    """The texts in JSON data, with their places; not those of objects with known texts alone.

    Most objects are messages whose texts stand in a turn, so these must be found fast.
    """

    def __init__(self, identities: Set[int] = frozenset(), roles: Set[str] = frozenset()) -> None:
        self._identities = identities
        self._roles = roles
        self.n_keys = 0
        self._plain_keys: set[str] = set()

    def of(self, data: Any) -> Iterator[_Leaf]:
        containers: list[tuple[Any, Any]] = [(data, None)]
        while containers:
            container, place = containers.pop()
            self.n_keys += len(container) if type(container) is dict else 0
            inner: list[tuple[Any, Any]] = []
            for key, value in self._items(container):
                kind = type(value)
                if kind is str:
                    yield _Leaf((key, place), value)
                elif kind is list or (kind is dict and not self._is_known(value)):
                    inner.append((value, (key, place)))
            containers += reversed(inner)

    def _items(self, container: Any) -> Iterable[tuple[Any, Any]]:
        """The items of an object or an array; a key that is a text is an item too."""
        if type(container) is list:
            return enumerate(container)
        if self._has_plain_keys(container):
            items: Iterable[tuple[Any, Any]] = container.items()
            return items
        texts = [("the keys", key) for key in container if key not in self._plain_keys]
        return chain(texts, container.items())

    def _is_known(self, container: dict[str, Any]) -> bool:
        """All values are texts of turns or their roles, and no key is a text."""
        identities = self._identities
        roles = self._roles
        for value in container.values():
            if id(value) not in identities and not (type(value) is str and value in roles):
                return False
        if not self._has_plain_keys(container):
            return False
        self.n_keys += len(container)
        return True

    def _has_plain_keys(self, container: dict[str, Any]) -> bool:
        if container.keys() <= self._plain_keys:
            return True
        self._plain_keys.update(filter(_PLAIN_KEY.fullmatch, container.keys() - self._plain_keys))
        return container.keys() <= self._plain_keys


def _place(place: Any, document: Document) -> str:
    """The place as people write it: `messages[17].metadata.model`."""
    keys: list[str | int] = []
    while place is not None:
        key, place = place
        keys.append(key)
    keys.reverse()
    head = ""
    if document.line_numbers and keys and isinstance(keys[0], int):
        head = document.row_place(keys[0])
        keys = keys[1:]
        head += ": " if keys else ""
    names = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys]
    return head + "".join(names).removeprefix(".")


# ---- what of a text is missing -------------------------------------------------------------------


def _missing_parts(leaf: _Leaf, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """(reason, text) of all that is nowhere of a text."""
    if _BASE64.fullmatch(leaf.text):
        if digest(leaf.text) in vocabulary.digests:
            return []
        return [(PAYLOAD, digest_ref("application/octet-stream", leaf.text))]
    text = _DATA_URL.sub(lambda url: short_ref(url[0]), leaf.text)
    words = WORD.findall(text)
    if words and _is_mark(leaf):
        return [(MARK, text)]
    return _missing_words(text, words, vocabulary)


def _missing_words(
    text: str, words: Sequence[str], vocabulary: Vocabulary
) -> list[tuple[str, str]]:
    """The whole text if most of its words are nowhere, else those words."""
    missing_words = [word for word in words if word not in vocabulary.words]
    marks = [word for word in missing_words if word.lower() in _MARK_WORDS]
    parts = [(_MARK_WORDS[word.lower()], word) for word in vocabulary.new_marks(marks)]
    texts = [word for word in missing_words if word.lower() not in _MARK_WORDS]
    if len(texts) > len(words) / 2:
        parts.append((NO_PART, text))
    elif texts:
        parts.append((SOME_WORDS, " ".join(dict.fromkeys(texts))))
    return parts


def _is_mark(leaf: _Leaf) -> bool:
    key = leaf.place[0] if leaf.place else None
    return key in _MARK_KEYS and len(leaf.text) <= _MAX_MARK and not re.search(r"\s", leaf.text)

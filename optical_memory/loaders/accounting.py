"""Finds the words of a file that did not come into a conversation, so that none is lost silently.

A word is four letters or more. It counts as kept if it stands in a turn (text, name, id, calls,
attachments), in an id or the `meta` of a conversation, or in what a loader has reported. Keys of
JSON objects are structure, unless they look like text. Nothing here calls itself: data may be deep.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document
from optical_memory.loaders.payloads import digest_ref, short_ref
from optical_memory.turns import Turn

__all__ = [
    "left_out_of",
    "row_text",
]

NO_PART = "not a part of the conversation"
SOME_WORDS = "words that are in no turn"
MARK = "a mark of the format; the turns say it in another form"
TIME = "a part of a time; the turns have it as a time"
PAYLOAD = "a payload; at most its digest and its size are kept"

_WORD = re.compile(r"[^\W\d_]{4,}")

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
_BASE64 = re.compile(r"[A-Za-z0-9+/_\r\n-]{256,}={0,2}\s*")
"""So long a text without blanks is no text."""

_DIGEST = re.compile(r"sha256[=:]([0-9a-f]{16})")


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

    A text that comes again is reported once. `by_loaders` is left out already.
    """
    vocabulary = _Vocabulary(conversations, [item.text for item in by_loaders])
    if document.data is None:
        leaves: Iterator[_Leaf] = _lines(document.text)
    else:
        leaves = _Leaves(vocabulary.identities(), vocabulary.roles()).of(document.data)
    left_out: list[LeftOut] = []
    for leaf in leaves:
        if leaf.text in vocabulary.texts:
            continue
        vocabulary.texts.add(leaf.text)
        for reason, text in _missing_parts(leaf, vocabulary):
            left_out.append(LeftOut(_place(leaf.place, document), reason, text))
    return left_out


def row_text(row: Any) -> str:
    """A row of a file as JSON; if it is nested too deeply for that, its texts."""
    try:
        return json.dumps(row, ensure_ascii=False)
    except RecursionError:
        return "\n".join(leaf.text for leaf in _Leaves().of([row]))


class _Vocabulary:
    """Texts and words of conversations. Both are found only if they are needed."""

    def __init__(self, conversations: Sequence[Conversation], more_texts: Sequence[str]) -> None:
        self._conversations = conversations
        self._more_texts = more_texts
        self._marks: set[str] = set()

    @cached_property
    def texts(self) -> set[str]:
        """All texts that are known, and those that have been looked at."""
        return self._known_texts()

    def identities(self) -> set[int]:
        """Of the texts of turns: most are the objects that stand in the data of the file too.

        To compare these takes a fraction of the time of comparing texts.
        """
        identities: set[int] = set()
        for conversation in self._conversations:
            identities.update([id(turn.text) for turn in conversation.turns])
        return identities

    def _known_texts(self) -> set[str]:
        texts = set(self._more_texts)
        for conversation in self._conversations:
            texts.add(conversation.id)
            texts.update(conversation.meta.values())
            texts.update(_turn_texts(conversation.turns))
        return texts

    def roles(self) -> set[str]:
        roles: set[str] = set()
        for conversation in self._conversations:
            roles.update([turn.role for turn in conversation.turns])
        return roles

    @cached_property
    def words(self) -> set[str]:
        """Needed only if a text of the file is not a text of a turn: it takes longer."""
        return set(chain.from_iterable(map(_WORD.findall, self._known_texts())))

    @cached_property
    def digests(self) -> set[str]:
        """Of payloads that stand in a turn by reference."""
        return set(chain.from_iterable(map(_DIGEST.findall, self._known_texts())))

    def new_marks(self, words: Iterable[str]) -> list[str]:
        """The words of roles and times that come for the first time."""
        marks = [word for word in dict.fromkeys(words) if word not in self._marks]
        self._marks.update(marks)
        return marks


def _turn_texts(turns: Sequence[Turn]) -> Iterator[str]:
    for values in (
        {turn.text for turn in turns},
        {turn.role for turn in turns},
        {turn.id for turn in turns},
        {turn.name for turn in turns},
        {turn.tool_call_id for turn in turns},
    ):
        yield from filter(None, values)
    for turn in turns:
        if turn.tool_calls or turn.attachments:
            yield from filter(None, _part_texts(turn))


def _part_texts(turn: Turn) -> Iterator[str | None]:
    for call in turn.tool_calls:
        yield from (call.name, call.arguments, call.id)
    for attachment in turn.attachments:
        yield from (attachment.ref, attachment.caption)


# ---- the texts of a file -------------------------------------------------------------------------


def _lines(text: str) -> Iterator[_Leaf]:
    for n, line in enumerate(text.split("\n"), 1):
        yield _Leaf((f"line {n}", None), line)


class _Leaves:
    """The texts in JSON data, with their places; not those of objects with known texts alone.

    Most objects are messages whose texts stand in a turn, so these must be found fast.
    """

    def __init__(self, identities: Set[int] = frozenset(), roles: Set[str] = frozenset()) -> None:
        self._identities = identities
        self._roles = roles
        self._plain_keys: set[str] = set()

    def of(self, data: Any) -> Iterator[_Leaf]:
        containers: list[tuple[Any, Any]] = [(data, None)]
        while containers:
            container, place = containers.pop()
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
        return self._has_plain_keys(container)

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


def _missing_parts(leaf: _Leaf, vocabulary: _Vocabulary) -> list[tuple[str, str]]:
    """(reason, text) of all that is nowhere of a text."""
    if _BASE64.fullmatch(leaf.text):
        is_known = _digest(leaf.text) in vocabulary.digests
        ref = digest_ref("application/octet-stream", leaf.text)
        return [] if is_known else [(PAYLOAD, ref)]
    text = _DATA_URL.sub(lambda url: short_ref(url[0]), leaf.text)
    words = _WORD.findall(text)
    if words and _is_mark(leaf):
        return [(MARK, text)]
    return _missing_words(text, words, vocabulary)


def _missing_words(
    text: str, words: Sequence[str], vocabulary: _Vocabulary
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


def _digest(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]

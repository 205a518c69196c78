"""Finds the words of a file that did not come into a conversation, so that none is dropped silently.

A word is four letters or more. It counts as kept if it stands in a turn (text, name, id, calls,
attachments), in an id or the `meta` of a conversation, or in what a loader has reported. Keys of
JSON objects are structure, unless they look like text. Nothing here calls itself: data may be deep.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
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

_ROLES = """user human prompter client assistant model agent chatgpt claude gemini grok copilot
    system developer tool function observation question answer prompt response""".split()
_MONTHS = """january february march april june july august september october november december
    sept monday tuesday wednesday thursday friday saturday sunday noon midnight""".split()
_MARK_WORDS = {**dict.fromkeys(_ROLES, MARK), **dict.fromkeys(_MONTHS, TIME)}
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
    reported: Iterable[LeftOut] = (),
) -> list[LeftOut]:
    """The texts of a document that have words which are nowhere, each with its place and a reason.

    A text that comes again is reported once. `reported` has what is left out already.
    """
    vocabulary = _Vocabulary(conversations, [item.text for item in reported])
    if document.data is None:
        leaves: Iterator[_Leaf] = _lines(document.text)
    else:
        leaves = _Leaves(vocabulary.texts).of(document.data)
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
        return "\n".join(leaf.text for leaf in _Leaves(set()).of([row]))


class _Vocabulary:
    """Texts and words of conversations. `texts` grows by the texts that have been looked at."""

    def __init__(self, conversations: Sequence[Conversation], reported: Sequence[str]) -> None:
        self._conversations = conversations
        self._reported = reported
        self.texts = self._known_texts()

    def _known_texts(self) -> set[str]:
        texts = set(self._reported)
        for conversation in self._conversations:
            texts.add(conversation.id)
            texts.update(conversation.meta.values())
            texts.update(_turn_texts(conversation.turns))
        return texts

    @cached_property
    def words(self) -> set[str]:
        """Needed only if a text of the file is not a text of a turn: it takes longer."""
        return set(chain.from_iterable(map(_WORD.findall, self._known_texts())))

    @cached_property
    def digests(self) -> set[str]:
        """Of payloads that stand in a turn by reference."""
        return set(chain.from_iterable(map(_DIGEST.findall, self._known_texts())))

    @cached_property
    def marks(self) -> set[str]:
        """Words of roles and times that have been reported."""
        return set()


def _turn_texts(turns: Sequence[Turn]) -> set[str]:
    texts: set[str | None] = {turn.text for turn in turns}
    texts.update([turn.id for turn in turns])
    texts.update([turn.name for turn in turns])
    texts.update([turn.role for turn in turns])
    texts.update([turn.tool_call_id for turn in turns])
    for turn in turns:
        if turn.tool_calls or turn.attachments:
            texts |= _part_texts(turn)
    return {text for text in texts if text is not None}


def _part_texts(turn: Turn) -> set[str | None]:
    texts: set[str | None] = set()
    for call in turn.tool_calls:
        texts.update((call.name, call.arguments, call.id))
    for attachment in turn.attachments:
        texts.update((attachment.ref, attachment.caption))
    return texts


# ---- the texts of a file -------------------------------------------------------------------------


def _lines(text: str) -> Iterator[_Leaf]:
    for n, line in enumerate(text.split("\n"), 1):
        yield _Leaf((f"line {n}", None), line)


class _Leaves:
    """The texts in JSON data, with their places; not those of objects whose texts are all known.

    Most objects are messages whose texts stand in a turn, so these must be found fast.
    """

    def __init__(self, texts: set[str]) -> None:
        self._texts = texts
        self._plain_keys: set[str] = set()

    def of(self, data: Any) -> Iterator[_Leaf]:
        containers: list[tuple[Any, Any]] = [(data, None)]
        while containers:
            container, place = containers.pop()
            is_object = type(container) is dict
            if is_object and not self._has_plain_keys(container):
                yield from (_Leaf(place, key) for key in container if key not in self._plain_keys)
            inner: list[tuple[Any, Any]] = []
            for key, value in container.items() if is_object else enumerate(container):
                kind = type(value)
                if kind is str:
                    yield _Leaf((key, place), value)
                elif kind is list or (kind is dict and not self._is_known(value)):
                    inner.append((value, (key, place)))
            inner.reverse()
            containers += inner

    def _is_known(self, container: dict[str, Any]) -> bool:
        """All values are known texts, and no key is a text."""
        texts = self._texts
        for value in container.values():
            if type(value) is not str or value not in texts:
                return False
        return container.keys() <= self._plain_keys or self._has_plain_keys(container)

    def _has_plain_keys(self, container: dict[str, Any]) -> bool:
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
    return head + ("".join(names).removeprefix(".") or ("" if head else "the keys"))


# ---- what of a text is missing -------------------------------------------------------------------


def _missing_parts(leaf: _Leaf, vocabulary: _Vocabulary) -> Iterator[tuple[str, str]]:
    """(reason, text) of what of a text is nowhere."""
    text = leaf.text
    if _BASE64.fullmatch(text):
        if _digest(text) not in vocabulary.digests:
            yield PAYLOAD, digest_ref("application/octet-stream", text)
        return
    text = _DATA_URL.sub(lambda url: short_ref(url[0]), text)
    words = _WORD.findall(text)
    if not words:
        return
    if _is_mark(leaf):
        yield MARK, text
        return
    missing_words = [word for word in words if word not in vocabulary.words]
    for word in missing_words:
        reason = _MARK_WORDS.get(word.lower())
        if reason and word not in vocabulary.marks:
            vocabulary.marks.add(word)
            yield reason, word
    missing_words = [word for word in missing_words if word.lower() not in _MARK_WORDS]
    if len(missing_words) > len(words) / 2:
        yield NO_PART, text
    elif missing_words:
        yield SOME_WORDS, " ".join(dict.fromkeys(missing_words))


def _is_mark(leaf: _Leaf) -> bool:
    key = leaf.place[0] if leaf.place else None
    return key in _MARK_KEYS and len(leaf.text) <= _MAX_MARK and not re.search(r"\s", leaf.text)


def _digest(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]

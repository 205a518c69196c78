"""Facts about messages, each found once: a digest of the content, the tokens, the turns in it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import BaseMessage

from optical_memory.agents.langchain.adapters.messages import is_summary
from optical_memory.agents.langchain.counting import (
    TokenCounter,
    count_tool_tokens,
    priced_pictures,
)
from optical_memory.agents.langchain.state import MessageName
from optical_memory.errors import InputError
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import Turn, short_repr

__all__ = [
    "FactBook",
    "Facts",
]

MAX_FACTS = 20_000
"""So many messages are known at a time: some 20 MB with their words."""

MAX_CHATS = 64
"""So many chats are known by their prefixes: some 0.3 MB for 2,000 messages each."""

DIGEST_BYTES = 8

EMPTY = ""
"""The digest of no messages."""

_FIELDS = ("function_call", "tool_calls", "reasoning_content", "refusal")


@short_repr
@dataclass(frozen=True, slots=True)
class Facts:
    """A message's id and digest, its role, its tokens, and its turns for a memory.

    Messages with the same digest have the same words; their turns bear the id of the first.
    """

    id: str | None
    digest: str
    role: str
    n_tokens: int
    turns: tuple[Turn, ...]

    def name(self, position: int) -> MessageName:
        """The message's name in the state."""
        return self.id, self.digest, position


Prefixes = tuple[list[Facts], list[str]]
"""The facts of a chat, and the digests of its beginnings."""


@short_repr
@dataclass(frozen=True, slots=True)
class _Entry:
    """A message by its fields, and the facts about it."""

    kind: type[BaseMessage]
    content: Any
    tool_calls: Any
    extras: Any
    facts: Facts


@short_repr
@dataclass(slots=True)
class FactBook:
    """Facts of the messages that were seen last. Threads may share it."""

    counter: TokenCounter
    _by_id: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    _by_digest: OrderedDict[str, Facts] = field(default_factory=OrderedDict)
    _prefixes: OrderedDict[str, Prefixes] = field(default_factory=OrderedDict)
    _tools: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, messages: Sequence[BaseMessage]) -> list[Facts]:
        """The facts of each message."""
        with self._lock:
            return [self._facts(message) for message in messages]

    def _facts(self, message: BaseMessage) -> Facts:
        # From __dict__: pydantic takes 5 µs to say that a field is not there.
        fields = message.__dict__
        id = fields.get("id")
        entry = self._by_id.get(id) if id is not None else None
        if (
            entry is not None
            and entry.kind is type(message)
            and entry.content == fields["content"]
            and entry.tool_calls == fields.get("tool_calls")
            and entry.extras == fields["additional_kwargs"]
        ):
            return entry.facts
        digest = _digest(message)
        same = self._by_digest.get(digest)
        if same is None:
            n_tokens = self.counter([message])
            same = Facts(None, digest, message.type, n_tokens, _turns(message))
            _put(self._by_digest, digest, same)
        facts = Facts(id, digest, same.role, same.n_tokens, same.turns)
        if id is not None:
            tool_calls = fields.get("tool_calls")
            kwargs = fields["additional_kwargs"]
            _put(
                self._by_id,
                id,
                _Entry(type(message), message.content, tool_calls, kwargs, facts),
            )
        return facts

    def prefixes(self, facts: Sequence[Facts]) -> list[str]:
        """The digest of the first n messages, for each n from 0 on.

        Of a chat that went on, only the new messages are looked at.
        """
        first = facts[0].digest if facts else EMPTY
        with self._lock:
            start: Prefixes = ([], [EMPTY])
            old, digests = self._prefixes.get(first, start)
            if list(facts[: len(old)]) != old:
                old, digests = start
            digests = _prefix_digests(facts[len(old) :], digests)
            _put(self._prefixes, first, (list(facts), digests), MAX_CHATS)
        return digests

    def count_tools(self, tools: Sequence[Any]) -> int:
        """The tokens of the descriptions of tools."""
        n_tokens = 0
        for tool in tools:
            # A tool of the same name may have other arguments, so its identity is part of the key.
            key = f"{id(tool)} {getattr(tool, 'name', '')} {getattr(tool, 'description', '')}"
            with self._lock:
                if key not in self._tools:
                    _put(self._tools, key, count_tool_tokens([tool]))
                n_tokens += self._tools[key]
        return n_tokens

    def count(self, message: BaseMessage) -> int:
        """The tokens of a message; sheets cost their own price."""
        price, rest = priced_pictures(message)
        return price + self.of([rest])[0].n_tokens


def _digest(message: BaseMessage) -> str:
    """The digest of all that a message says: not of its id, nor of what a provider tells of it."""
    fields = message.__dict__
    kwargs = fields["additional_kwargs"]
    said = [
        message.type,
        fields["content"],
        fields.get("tool_calls"),
        fields.get("name"),
        fields.get("tool_call_id"),
        {key: kwargs[key] for key in _FIELDS if kwargs.get(key)},
    ]
    text = json.dumps(said, ensure_ascii=True, default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _put(book: OrderedDict[str, Any], key: str, value: Any, max_entries: int = MAX_FACTS) -> None:
    book[key] = value
    book.move_to_end(key)
    if len(book) > max_entries:
        book.popitem(last=False)


def _turns(message: BaseMessage) -> tuple[Turn, ...]:
    """The turns of a message without ids; none if it cannot be read, or if it is a summary."""
    if is_summary(message):
        return ()
    try:
        turns = message_turns(message, "message")
    except InputError:
        return ()
    return tuple(replace(turn, id=None) for turn in turns)


def _prefix_digests(facts: Sequence[Facts], digests: Sequence[str]) -> list[str]:
    """The digests of messages before these, and of these: each is that of the digest before it and
    of the next message.
    """
    result = list(digests)
    for message in facts:
        words = f"{result[-1]} {message.digest}"
        result.append(hashlib.blake2b(words.encode(), digest_size=DIGEST_BYTES).hexdigest())
    return result

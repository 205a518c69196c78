"""The list that a host gave last, kept in the process, so that the next costs by what is new."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.redaction.redact import NO_REDACTION, Redaction
from optical_memory.search.meaning import Embedder
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.redacting import with_session_facts
from optical_memory.session.corrections.versions import host_ids
from optical_memory.session.maps.runs import numbers
from optical_memory.session.remember import Remembered, log_passed_over
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.sync.write import sync
from optical_memory.stores.locks import TurnLock
from optical_memory.turns import Turn, short_repr

__all__ = [
    "HostList",
]


@short_repr
@dataclass(frozen=True, slots=True)
class _Entry:
    """A message as it was, and the ids of its turns; empty for a turn that was kept out."""

    message: Any
    ids: tuple[str, ...]


class HostList:
    """Brings a session in step with the messages of a host. Threads take turns.

    `notify` is called when turns were written. `embedder` gives new turns their vectors.
    `redaction` says what may be kept of them, and `keep_for` for how long.
    """

    def __init__(
        self,
        archive: Archive,
        notify: Callable[[], None],
        embedder: Embedder | None = None,
        redaction: Redaction = NO_REDACTION,
        keep_for: timedelta | None = None,
    ) -> None:
        self._redaction = redaction
        self._keep_for = keep_for
        self._embedder = embedder
        self._archive = archive
        self._notify = notify
        self._lock = TurnLock()
        self._entries: list[_Entry] = []
        self._epoch: str | None = None

    def sync(self, messages: object) -> list[str]:
        """The ids of the turns of these messages, which the session has then.

        Raises `InputError` if they are no list of messages.
        """
        if not isinstance(messages, Sequence) or isinstance(messages, str | bytes):
            raise InputError(f"sync takes a list of messages, not {type(messages).__name__}")
        with self._lock:
            entries = _known_entries(self._entries, messages)
            turns = _Turns(messages, self._redaction)

            def change(snapshot: Snapshot) -> tuple[list[Change], tuple[int, Remembered]]:
                n_known = len(entries) if self._is_valid(entries, snapshot) else 0
                known_ids = _ids_of(entries[:n_known])
                changes, new = sync(snapshot, known_ids, turns.after(n_known), self._embedder)
                changes = with_session_facts(snapshot, changes, self._keep_for)
                return changes, (n_known, new)

            snapshot, (n_known, new) = self._archive.update(change)
            self._entries = [*entries[:n_known], *turns.entries(n_known, new.ids)]
            self._epoch = snapshot.version.epoch
            ids = list(chain.from_iterable(entry.ids for entry in self._entries))
        self._notify()
        log_passed_over(self._archive.session, new.n_forgotten)
        return host_ids(snapshot, ids)

    def forget(self) -> None:
        """Drop the list, so that nothing of a forgotten turn stays in the process."""
        with self._lock:
            self._entries = []

    def _is_valid(self, entries: Sequence[_Entry], snapshot: Snapshot) -> bool:
        """True if the session still has the turns of these messages in its list."""
        if not entries or snapshot.version.epoch != self._epoch:
            return False
        line = set(numbers(snapshot.session.host_turns))
        for id in _ids_of(entries):
            key = snapshot.keys.get(id)
            if key is None or int(key) not in line:
                return False
        return True


def _ids_of(entries: Sequence[_Entry]) -> list[str]:
    """The ids of the turns of these messages, but for those that were kept out."""
    return [id for id in chain.from_iterable(entry.ids for entry in entries) if id]


class _Turns:
    """The turns of messages; a message is read when its turns are asked for."""

    def __init__(self, messages: Sequence[Any], redaction: Redaction) -> None:
        self._messages = messages
        self._redaction = redaction
        self._turns: dict[int, list[Turn | None]] = {}

    def of(self, i: int) -> list[Turn | None]:
        """The turns of message `i`, None for each that is kept out.

        Raises `InputError` if it cannot be read.
        """
        if i not in self._turns:
            message = self._messages[i]
            is_turn = isinstance(message, Turn)
            turns = [message] if is_turn else message_turns(message, f"messages[{i}]")
            self._turns[i] = self._redaction.turns(turns)
        return self._turns[i]

    def after(self, n: int) -> list[Turn]:
        """The turns of all messages but the first `n`, without those that are kept out."""
        turns = chain.from_iterable(self.of(i) for i in range(n, len(self._messages)))
        return [turn for turn in turns if turn is not None]

    def entries(self, n: int, ids: Sequence[str]) -> list[_Entry]:
        """Entries of all messages but the first `n`; the last of `ids` are those of their turns.

        Hosts change the messages that they have given, so these are copies.
        """
        new_ids = iter(ids[len(ids) - len(self.after(n)) :])
        entries: list[_Entry] = []
        for i in range(n, len(self._messages)):
            own_ids = tuple("" if turn is None else next(new_ids) for turn in self.of(i))
            entries.append(_Entry(copy.deepcopy(self._messages[i]), own_ids))
        return entries


def _known_entries(entries: Sequence[_Entry], messages: Sequence[Any]) -> list[_Entry]:
    """The entries of the first messages: all that are the same as in the last list.

    The last list may have been cut at its front, behind the system messages at its head.
    """
    n_head = 0
    while n_head < len(entries) and _is_same_system(entries, messages, n_head):
        n_head += 1
    n_same = n_head + _n_same(entries[n_head:], messages, n_head)
    if n_same < len(entries):
        for first in range(n_head + 1, len(entries) - (n_same - n_head)):
            rest = entries[first:]
            if _n_same(rest, messages, n_head) == len(rest):
                return [*entries[:n_head], *rest]
    return list(entries[:n_same]) if n_same > n_head else []


def _is_same_system(entries: Sequence[_Entry], messages: Sequence[Any], i: int) -> bool:
    message = entries[i].message
    role = message.get("role") if isinstance(message, Mapping) else getattr(message, "role", None)
    return role in ("system", "developer") and i < len(messages) and bool(messages[i] == message)


def _n_same(entries: Sequence[_Entry], messages: Sequence[Any], start: int) -> int:
    """How many entries are the same as the messages from `start` on."""
    n_same = 0
    for entry, message in zip(entries, itertools.islice(messages, start, None), strict=False):
        if entry.message != message:
            break
        n_same += 1
    return n_same

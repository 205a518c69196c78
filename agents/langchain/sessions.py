"""Sessions: which session of a memory a request belongs to, and the conversations that are open."""

from __future__ import annotations

import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from optical_memory.agents.langchain.conversation import Conversation, Outage
from optical_memory.agents.langchain.state import Record
from optical_memory.errors import InputError, require_number
from optical_memory.memory import OpticalMemory
from optical_memory.stores.base import BLOB_TTL, Store
from optical_memory.stores.registry import store_at

__all__ = [
    "SessionName",
    "Sessions",
    "open_memories",
]

SessionName = str | Callable[[Any, Any], str]
"""The name of a session, or a function of an agent's state and runtime that gives it."""

MAX_OPEN = 256
"""So many conversations are open at a time; the one that is longest unused is closed for a new."""


class Sessions:
    """Finds the conversation of a request. Threads may share it.

    A conversation is known by the record in the agent's state. Without a checkpointer there is
    none between two calls: then it is known by its messages as they were last time, if they were
    those of no other conversation. A name is then given to nobody twice, so that no user is shown
    another's words.
    """

    def __init__(
        self, open_memory: Callable[[str], OpticalMemory], name: SessionName | None
    ) -> None:
        self._open = open_memory
        self._name = name
        self._outage = Outage()
        self._lock = threading.Lock()
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()
        self._records: OrderedDict[str, Record | None] = OrderedDict()
        self._prefixes: dict[str, str] = {}

    def record(
        self, record: Record | None, state: Any, runtime: Any, prefixes: Sequence[str]
    ) -> Record:
        """The record of a conversation: that of the state, or as it was last time, or a new one."""
        if record is not None:
            return record
        name = self._session(state, runtime)
        known = self._take(prefixes[1:-1], name)
        if known is not None:
            return known
        return Record(session=name or uuid.uuid4().hex, head=None, recalls={}, drawing=None)

    def _take(self, prefixes: Sequence[str], name: str | None) -> Record | None:
        """The record of the longest known beginning of these messages; nobody else gets it then."""
        with self._lock:
            for prefix in reversed(prefixes):
                known = self._records.get(prefix)
                if known is not None and name in (None, known["session"]):
                    del self._records[prefix]
                    return known
        return None

    def keep(self, record: Record, prefix: str) -> None:
        """Know this conversation by the digest of its messages, and no more by an earlier one.

        If another conversation has the same messages, neither is known by them.
        """
        session = record["session"]
        with self._lock:
            old = self._prefixes.pop(session, None)
            if old is not None and old != prefix:
                self._records.pop(old, None)
            other = self._records.get(prefix, record)
            is_only = other is not None and other["session"] == session
            self._records[prefix] = record if is_only else None
            self._records.move_to_end(prefix)
            self._prefixes[session] = prefix
            if len(self._records) > MAX_OPEN:
                _, oldest = self._records.popitem(last=False)
                if oldest is not None:
                    self._prefixes.pop(oldest["session"], None)

    def _session(self, state: Any, runtime: Any) -> str | None:
        """The name that the user or the thread gives; None if there is none.

        An agent inside of another runs in the thread of that, and gets a name of its own.
        """
        thread, is_inner = _thread(runtime)
        name = self._name(state, runtime) if callable(self._name) else self._name
        if name is not None and not (isinstance(name, str) and name):
            raise InputError(f"session_id must be a name, not {name!r}")
        return None if is_inner else name or thread

    def conversation(self, session: str) -> Conversation:
        """The open conversation of a session."""
        closed: Conversation | None = None
        with self._lock:
            conversation = self._conversations.get(session)
            if conversation is None:
                conversation = Conversation(session, self._open, self._outage)
                self._conversations[session] = conversation
                if len(self._conversations) > MAX_OPEN:
                    closed = self._conversations.popitem(last=False)[1]
            self._conversations.move_to_end(session)
        if closed is not None:
            threading.Thread(target=closed.close, daemon=True).start()
        return conversation

    def close(self) -> None:
        """Close all memories that were opened here."""
        with self._lock:
            conversations = list(self._conversations.values())
            self._conversations.clear()
        for conversation in conversations:
            conversation.close()


def _thread(runtime: Any) -> tuple[str | None, bool]:
    """The name of the thread, and True if the agent runs inside of another's node."""
    info = getattr(runtime, "execution_info", None)
    thread = getattr(info, "thread_id", None)
    namespace = getattr(info, "checkpoint_ns", None) or ""
    return (str(thread) if thread else None), "|" in namespace


# ---- opening -------------------------------------------------------------------------------------


def open_memories(
    memory: OpticalMemory | None,
    redis_url: str | None,
    redis_client: Any,
    ttl: int | None,
    key_prefix: str,
) -> Callable[[str], OpticalMemory]:
    """A function that opens the memory of a session; nothing is opened before it is called.

    Raises `InputError` if more than one place is given, or a number below 1 for `ttl`.
    """
    if [memory is not None, redis_url is not None, redis_client is not None].count(True) > 1:
        raise InputError("give one of memory=…, redis_url=… and redis_client=…")
    if ttl is not None:
        require_number("ttl", ttl, minimum=1)
    if memory is not None:
        return memory.open
    url = redis_url or (os.environ.get("REDIS_URL") if redis_client is None else None)
    return _Opener(redis_client or url, ttl or BLOB_TTL, key_prefix)


class _Opener:
    """Opens memories in one store, which is opened with the first of them."""

    def __init__(self, server: Any, ttl: int, key_prefix: str) -> None:
        self._server = server
        self._ttl = ttl
        self._key_prefix = key_prefix
        self._lock = threading.Lock()
        self._first: OpticalMemory | None = None

    def __call__(self, session: str) -> OpticalMemory:
        with self._lock:
            if self._first is None:
                self._first = OpticalMemory(session, store=self._store())
                return self._first
            return self._first.open(session)

    def _store(self) -> Store:
        if self._server is None:
            return store_at(None)
        from optical_memory.stores.redis import RedisStore

        return RedisStore(self._server, prefix=self._key_prefix, ttl=self._ttl)

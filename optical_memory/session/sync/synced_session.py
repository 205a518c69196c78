"""A session that a host keeps in step with its message list: a part of `OpticalMemory`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optical_memory.session.sync.host_list import HostList

__all__ = [
    "SyncedSession",
]


class SyncedSession:
    """Takes the whole list of a host every turn."""

    _host_list: HostList

    def sync(self, messages: Sequence[Any]) -> list[str]:
        """Bring the session in step with a host's whole message list; gives the id of each turn.

        >>> memory = OpticalMemory("alice", store="sqlite:///memory.db")
        >>> chat = [{"role": "user", "content": "The gate code is 4417."}]
        >>> memory.sync(chat), memory.sync([*chat, {"role": "assistant", "content": "Noted."}])
        (['t0'], ['t0', 't1'])
        >>> memory.close()

        Messages have any form that the loaders read, or are turns. New messages are remembered. An
        edited message replaces the old version: by its id, or by its place if it has none. If the
        list goes another way after some message, the turns of the old way are not found any more;
        those that stand on a page stay on it. Messages that the host cut off at the front of its
        list, or out of its middle, are still found. Forgotten turns do not come back. It costs by
        what is new.

        Raises `InputError` for a message that cannot be read, `StoreError` if nothing could be
        written.
        """
        return self._host_list.sync(messages)

"""A session of many pages in an SQLite file, for benches to open."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from optical_memory.measure.long_session import long_session_texts, write_long_session
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.session.archive import Archive
from optical_memory.session.records import PageRecord
from optical_memory.stores.encryption.tenant_key import KeyService
from optical_memory.stores.registry import open_store
from optical_memory.turns import Turn

__all__ = [
    "SessionFile",
]

NAME = "long"

PAGE_TURNS = 120
"""Turns of the bundled conversation that fill a page."""


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A session of `n_pages` pages whose text is in hand; its turns vary `turns`.

    With a `key` it is encrypted.
    """

    file: Path
    n_pages: int
    turns: Sequence[Turn]
    reader: Reader
    key: KeyService | None = None

    @classmethod
    def write(
        cls,
        folder: Path,
        n_pages: int,
        turns: Sequence[Turn],
        reader: Reader,
        *,
        key: KeyService | None = None,
    ) -> SessionFile:
        """Write the session to a new file in this folder."""
        name = f"{n_pages}-pages" if key is None else f"{n_pages}-pages-encrypted"
        session = cls(folder / f"{name}.db", n_pages, turns, reader, key)
        page = _page(folder / f"{n_pages}-page.db", turns[:PAGE_TURNS], reader)
        with closing(open_store(session.url)) as store:
            write_long_session(Archive(store, NAME, key=key).store, NAME, n_pages, turns, page)
        return session

    @property
    def url(self) -> str:
        """The URL of the store in the file."""
        return f"sqlite:///{self.file}"

    def open(self) -> OpticalMemory:
        """A memory of the session that finds by words alone and works only when it is asked."""
        return OpticalMemory(
            NAME,
            store=self.url,
            reader=self.reader,
            semantic=None,
            key=self.key,
            background=False,
        )

    def texts(self) -> list[str]:
        """The texts of all its units, in order."""
        return long_session_texts(self.n_pages, self.turns)


def _page(file: Path, turns: Sequence[Turn], reader: Reader) -> PageRecord:
    """The record of a real page with these turns."""
    with OpticalMemory(
        NAME, store=f"sqlite:///{file}", reader=reader, keep_turns=0, background=False
    ) as memory:
        memory.remember(turns)
        memory.seal()
        pages = Archive(memory.store, memory.session).snapshot().pages
        return next(iter(pages.values()))

"""`OpticalMemory`: the one class most users meet. Remembers turns, lets pages fade, recalls them,
fills a context.

Writing is durable before it returns and never waits for a model: sealing, certifying and fading run
on one background thread. Several memories, in one process or many, may share a session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from optical_memory import search
from optical_memory.errors import Conflict, Forgotten, InputError, StoreError
from optical_memory.profiles import Rung
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.recall import candidates as recalling
from optical_memory.recall.context import Context, Mode, Picture, assemble
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session import check as checking
from optical_memory.session import erase as erasing
from optical_memory.session import life, upkeep
from optical_memory.session.archive import Archive, Change, Snapshot, put
from optical_memory.session.background import Worker
from optical_memory.session.page_reader import PageReader
from optical_memory.session.policy import ForgettingPolicy, Step, default_capacity, plan
from optical_memory.session.records import PageRecord, Retain
from optical_memory.session.seal import sealed
from optical_memory.session.upkeep import Stats
from optical_memory.stores import open_store
from optical_memory.stores.base import Store
from optical_memory.tokens import INT8, TokenCodec
from optical_memory.turns import Turn

__all__ = ["OpticalMemory"]

T = TypeVar("T")

KEEP_TURNS = 20
"""The newest turns that always stay text."""

RECENT_SHARE = 0.6
"""Share of a context's budget that recent turns may take while there is something to recall."""

TRIES = 5
"""How often a reading starts again because pages changed under it."""

CANDIDATES = 12
"""Pages and turns that a context with a query chooses from."""


class OpticalMemory:
    """A memory of one session; `open` gives others over the same store and reader.

    `store` is a URL (`sqlite:///file.db`, `redis://…`; default: a file in the user's data
    directory) or a `Store`, `reader` a name, a checkpoint folder or a `Reader`. `budget` (tokens of
    the agent's window) is the one dial: `capacity` (visual tokens kept) follows from it unless
    given. `retain="pages"` drops a page's text once the page is certified; `retain="text"` keeps
    it. The newest `keep_turns` turns always stay text. With `background=False` nothing happens by
    itself: `seal` and `flush` do the work when they are called.

    Raises `StoreError` when the store cannot be opened, `CheckpointError` for a checkpoint that is
    not the reader's.
    """

    def __init__(
        self,
        session: str = "default",
        *,
        store: str | Store | None = None,
        reader: str | Reader = "pocket",
        budget: int = 8_000,
        capacity: int | None = None,
        retain: Retain = "pages",
        keep_turns: int = KEEP_TURNS,
        policy: ForgettingPolicy | None = None,
        codec: TokenCodec = INT8,
        background: bool = True,
    ) -> None:
        if not session:
            raise InputError("a session needs a name")
        if budget <= 0 or keep_turns < 0:
            raise InputError(
                f"budget must be positive and keep_turns not negative: {budget=}, {keep_turns=}"
            )
        self.session, self.budget, self.keep_turns = session, budget, keep_turns
        self.retain: Retain = retain
        self.store = (
            open_store(store or upkeep.default_store()) if isinstance(store, str | None) else store
        )
        self._owns_store = isinstance(store, str | None)
        self.reader = open_reader(reader) if isinstance(reader, str) else reader
        self.policy, self.codec, self.background = policy or ForgettingPolicy(), codec, background
        self.capacity = (
            capacity
            if capacity is not None
            else default_capacity(budget, self.reader.profile.ladder)
        )
        self.renderer = PageRenderer(self.reader.profile.grid)
        self.archive = Archive(self.store, session)
        self.pages = PageReader(self.archive, self.reader, codec)
        self._worker = Worker(self._work, f"optical-memory {session}")

    def open(self, session: str) -> OpticalMemory:
        """A memory of another session, with the same store, reader and settings. Close each."""
        return OpticalMemory(
            session,
            store=self.store,
            reader=self.reader,
            budget=self.budget,
            capacity=self.capacity,
            retain=self.retain,
            keep_turns=self.keep_turns,
            policy=self.policy,
            codec=self.codec,
            background=self.background,
        )

    # ---- remembering -----------------------------------------------------------------------------

    def remember(self, turns: Turn | Sequence[Turn]) -> list[str]:
        """Keep turns, durably before this returns; gives their ids. A turn with the id of an open
        one replaces it.

        The same turn again changes nothing. Nor does any turn under the id of one of which
        something was forgotten: it cannot be told from the same again, so give a correction an id
        of its own.

        Raises `InputError` for what is no turn, `StoreError` when nothing could be written.
        """
        batch = [turns] if isinstance(turns, Turn) else list(turns)
        if wrong := [turn for turn in batch if not isinstance(turn, Turn)]:
            raise InputError(f"remember takes turns, not {type(wrong[0]).__name__}")
        ids: list[str] = []
        self.archive.update(lambda snapshot: life.remembered(snapshot, batch, ids))
        if self.background:
            self._worker.wake()
        return ids

    def seal(self) -> bool:
        """Seal full pages now, without reading them; False if there were none. `flush` does this
        and certifies them.
        """
        found = False
        while self._seal():
            found = True
        return found

    def flush(self) -> None:
        """Wait until every full page is sealed, certified and faded as far as it must. Raises what
        went wrong there.
        """
        self._worker.finish()

    def close(self) -> None:
        """Finish the background work that this memory began, and let go of the store if this memory
        opened it.

        Raises what went wrong in the background since the last `flush`; all is closed nevertheless.
        """
        try:
            if self._worker.started:
                self.flush()
        finally:
            self._worker.stop()
            if self._owns_store:
                self.store.close()

    def __enter__(self) -> OpticalMemory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- forgetting ------------------------------------------------------------------------------

    def fade(self, capacity: int | None = None) -> list[Step]:
        """Fade the oldest pages until the session fits `capacity` visual tokens; gives what
        changed.
        """
        limit = self.capacity if capacity is None else capacity
        profile = self.reader.profile
        steps: list[Step] = []

        def change(snapshot: Snapshot) -> Sequence[Change]:
            steps[:] = plan(life.page_states(snapshot), limit, self.policy, profile.ladder)
            return life.faded(snapshot, steps, profile, self.policy, self.retain)

        pages = self.archive.update(change).pages
        for step in steps:
            names = [rung.name for rung in profile.ladder]
            finer = (
                profile.ladder[: names.index(step.rung)] if step.rung in names else profile.ladder
            )
            self.pages.drop(pages[step.page], finer)
        return steps

    def forget(
        self, *, page: str | None = None, turn: str | None = None, session: bool = False
    ) -> None:
        """Remove a page, a turn or the whole session for good: record, pictures, tokens, ledger and
        index.

        Raises `Forgotten` for a page or turn that is not there (any more), and `StoreError` where
        all this is done but another process reads the store's files and so keeps them from being
        emptied.
        """
        if [page is not None, turn is not None, session].count(True) != 1:
            raise InputError("forget one thing at a time: page=…, turn=… or session=True")
        profile = self.reader.profile
        if session:
            return self.store.drop(self.session)
        if page is not None:
            self.archive.replace(lambda snapshot: erasing.without_page(snapshot, page, profile))
        elif turn is not None:
            self.archive.replace(
                lambda s: erasing.without_turn(s, turn, self.archive.picture, profile)
            )
        self.store.drop_blobs(self.session)
        self.store.scrub()

    # ---- recalling -------------------------------------------------------------------------------

    def recall(self, query: str, k: int = 3) -> list[Recollection]:
        """The `k` pages or recent turns that say most about `query`, best first, each as it reads
        now.
        """
        found = self._steadily(lambda snapshot: self._recall(snapshot, query, k))
        if self.policy.pages_per_hit:
            self._count_hits(found)
        return found

    def _recall(
        self, snapshot: Snapshot, query: str, k: int, budget: int | None = None
    ) -> list[Recollection]:
        best = search.rank(query, recalling.documents(snapshot), k)
        if budget is not None:
            best = recalling.affordable(snapshot, best, budget)
        read = {
            r.page: r
            for r in self.pages.read(snapshot, [hit for hit in best if hit[0] in snapshot.pages])
        }
        opened = {recalling.open_document(record.id): record for record in snapshot.open_turns()}
        return [
            read.get(id) or recalling.open_turn(opened[id], score, snapshot) for id, score in best
        ]

    def _count_hits(self, found: Sequence[Recollection]) -> None:
        names = {r.page for r in found}
        self.archive.update(
            lambda s: [
                put(p.model_copy(update={"hits": p.hits + 1}))
                for id, p in s.pages.items()
                if id in names
            ]
        )

    def read(self, page: str) -> Recollection:
        """One page as it reads now. Raises `Forgotten` for a page that is gone or never was."""
        return self._steadily(lambda snapshot: self._read(snapshot, page))

    def _read(self, snapshot: Snapshot, page: str) -> Recollection:
        if page not in snapshot.pages:
            raise Forgotten(f"no page {page!r} in session {self.session!r}")
        return self.pages.read(snapshot, [(page, 0.0)])[0]

    def _steadily(self, read: Callable[[Snapshot], T]) -> T:
        """What `read` makes of the session as it is; again where pages faded or went while it read
        them.
        """
        for _ in range(TRIES):
            snapshot = self.archive.snapshot()
            try:
                return read(snapshot)
            except StoreError:
                if self.archive.snapshot() is snapshot:
                    raise
        return read(self.archive.snapshot())

    def context(
        self,
        query: str | None = None,
        budget: int | None = None,
        mode: Mode = "text",
        **options: Any,
    ) -> Context:
        """What goes into the agent's window: recent turns, and pages about `query` (without one:
        the newest pages).

        Costs at most `budget` tokens, in the consumer's own currency. Raises `BudgetTooSmall` when
        the last user turn alone does not fit.
        """
        limit = self.budget if budget is None else budget
        if limit < 0:
            raise InputError(f"a budget is a number of tokens, not {limit}")

        def fill(snapshot: Snapshot) -> Context:
            recent = [recalling.rest(record) for record in snapshot.open_turns()]
            shown = (
                recalling.newest_turns(recent, int(RECENT_SHARE * limit))
                if snapshot.pages
                else recent
            )
            newest = recalling.newest_pages(snapshot, limit)
            found = (
                self._recall(snapshot, query, CANDIDATES, limit)
                if query
                else self.pages.read(snapshot, newest)
            )
            pictures = {} if mode == "text" else self._pictures(snapshot, found, mode)
            return assemble(
                shown, found, limit, mode=mode, query=query, pictures=pictures, **options
            )

        return self._steadily(fill)

    def _pictures(
        self, snapshot: Snapshot, found: Sequence[Recollection], mode: Mode
    ) -> dict[str, Picture]:
        """The pictures, or visual tokens, of the pages that have a rung."""
        records = [snapshot.pages[r.page] for r in found if r.page in snapshot.pages]
        return {
            r.id: self._picture(r, self.reader.profile.rung(r.rung), mode)
            for r in records
            if r.rung is not None
        }

    def _picture(self, record: PageRecord, rung: Rung, mode: Mode) -> Picture:
        if mode == "tokens":
            return Picture(
                rung.side_px, visual=self.pages.tokens([record], rung)[0], n_tokens=rung.n_tokens
            )
        return Picture(rung.side_px, png=self.pages.picture(record, rung), n_tokens=rung.n_tokens)

    # ---- looking after ---------------------------------------------------------------------------

    def stats(self) -> Stats:
        """Counts of the session: turns, pages by rung, tokens against capacity, compression, what
        was forgotten.
        """
        counted = upkeep.stats(self.archive, self.capacity, self.policy, self.reader.profile)
        return replace(counted, problem=self._worker.problem)

    def check(self, repair: bool = False) -> list[str]:
        """Problems in the session and its store, one sentence each; none is good. `repair` mends
        what can be mended.
        """
        return checking.check(self.archive, self.reader.profile, self.renderer, repair=repair)

    def sessions(self) -> list[str]:
        return self.store.sessions()

    def export(self, path: str | Path) -> None:
        """Write the session to a zip file of JSON records and PNG pictures."""
        upkeep.export(self.archive, Path(path))

    @classmethod
    def restore(
        cls, path: str | Path, session: str | None = None, **settings: Any
    ) -> OpticalMemory:
        """A memory filled from an exported file. Raises `InputError` if the session it would write
        exists already.
        """
        name, changes = upkeep.exported(Path(path))
        memory = cls(session or name, **settings)
        try:
            memory.store.commit(memory.session, changes, expect=0)
        except StoreError as error:
            memory.close()
            if not isinstance(error, Conflict):
                raise
            taken = f"session {memory.session!r} exists already: restore under another name with session=…"
            raise InputError(taken) from error
        return memory

    # ---- async -----------------------------------------------------------------------------------

    async def aremember(self, turns: Turn | Sequence[Turn]) -> list[str]:
        return await asyncio.to_thread(self.remember, turns)

    async def arecall(self, query: str, k: int = 3) -> list[Recollection]:
        return await asyncio.to_thread(self.recall, query, k)

    async def acontext(
        self, query: str | None = None, budget: int | None = None, mode: Mode = "text"
    ) -> Context:
        return await asyncio.to_thread(self.context, query, budget, mode)

    # ---- background ------------------------------------------------------------------------------

    def _work(self) -> bool:
        """One piece of background work; False when there is none left. Models and drawing keep
        nobody waiting.
        """
        more, certified = (
            self._seal(),
            self._certify(),
        )  # by turns, so that neither waits for the other to run dry
        return more or certified

    def _seal(self) -> bool:
        profile = self.reader.profile
        return self.archive.replace(
            lambda s: sealed(s, self.renderer, profile, self.retain, self.keep_turns)
        )

    def _certify(self) -> bool:
        """Certify the oldest page that waits for it; back-pressure is that the others wait, as
        text.
        """
        snapshot = self.archive.snapshot()
        waiting = next(
            (r for r in snapshot.pages.values() if r.state == "sealed" and r.lines is not None),
            None,
        )
        if waiting is None or (page := waiting.get_page()) is None:
            return False
        with self._unless_changed(waiting):
            proof, profile = self.pages.certify(waiting, page), self.reader.profile
            self.archive.update(
                lambda s: life.certified(s, waiting, proof, profile, self.retain, self.policy.floor)
            )
            self.fade()
        return True

    @contextmanager
    def _unless_changed(self, record: PageRecord) -> Iterator[None]:
        """Let a `StoreError` pass where the page changed meanwhile: its picture is gone because it
        was forgotten.
        """
        try:
            yield
        except StoreError:
            now = self.archive.snapshot().pages.get(record.id)
            if now is not None and (now.state, now.digest) == (record.state, record.digest):
                raise

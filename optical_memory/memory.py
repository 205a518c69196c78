"""`OpticalMemory`: the one class most users meet. Remembers turns, lets pages fade, recalls them, fills a context.

Writing is durable before it returns and never waits for a model: sealing, certifying and fading run on one background
thread. Several memories, in one process or many, may share a session.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from optical_memory import erasing, life, search, upkeep
from optical_memory.archive import Archive, Snapshot
from optical_memory.context import Context, Mode, Picture, assemble
from optical_memory.counting import count_batch, count_tokens
from optical_memory.errors import Forgotten, InputError, OpticalMemoryError
from optical_memory.forgetting import ForgettingPolicy, Step, default_capacity, plan
from optical_memory.certificate import Span
from optical_memory.page_reader import PageReader
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.recollection import Recollection
from optical_memory.records import PageRecord, Retain, TurnRecord
from optical_memory.renderers.marks import body
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.stores import open_store
from optical_memory.stores.base import Store
from optical_memory.tokens import INT8, TokenCodec
from optical_memory.turns import Turn
from optical_memory.upkeep import Stats

__all__ = ["OpticalMemory"]

log = logging.getLogger("optical_memory")

KEEP_TURNS = 20
"""The newest turns that always stay text."""

RECENT_SHARE = 0.6
"""Share of a context's budget that recent turns may take while there is something to recall."""


class OpticalMemory:
    """A memory of one session; `open` gives others over the same store and reader.

    `store` is a URL (`sqlite:///file.db`, `redis://…`; default: a file in the user's data directory) or a `Store`,
    `reader` a name, a checkpoint folder or a `Reader`. `budget` (tokens of the agent's window) is the one dial:
    `capacity` (visual tokens kept) follows from it unless given. `retain="pages"` drops a page's text once the page is
    certified; `retain="text"` keeps it. The newest `keep_turns` turns always stay text.

    Raises `StoreError` when the store cannot be opened, `CheckpointError` for a checkpoint that is not the reader's.
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
    ) -> None:
        if not session:
            raise InputError("a session needs a name")
        if budget <= 0 or keep_turns < 0:
            raise InputError(f"budget must be positive and keep_turns not negative: {budget=}, {keep_turns=}")
        self.session, self.budget, self.retain, self.keep_turns = session, budget, retain, keep_turns
        self.store = open_store(store or upkeep.default_store()) if isinstance(store, str | None) else store
        self._owns_store = isinstance(store, str | None)
        self.reader = open_reader(reader) if isinstance(reader, str) else reader
        self.policy, self.codec = policy or ForgettingPolicy(), codec
        self.capacity = capacity if capacity is not None else default_capacity(budget, self.reader.profile.ladder)
        self.renderer = PageRenderer(self.reader.profile.grid)
        self.archive = Archive(self.store, session)
        self.pages = PageReader(self.archive, self.reader, codec)
        self._worker = _Worker(self._work, f"optical-memory {session}")

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
        )

    # ---- remembering ------------------------------------------------------------------------------------------------

    def remember(self, turns: Turn | Sequence[Turn]) -> list[str]:
        """Keep turns, durably before this returns; gives their ids. A turn with the id of an open one replaces it.

        Raises `InputError` for what is no turn, `StoreError` when nothing could be written.
        """
        batch = [turns] if isinstance(turns, Turn) else list(turns)
        if wrong := next((turn for turn in batch if not isinstance(turn, Turn)), None):
            raise InputError(f"remember takes turns, not {type(wrong).__name__}")
        ids: list[str] = []
        self.archive.update(lambda snapshot: life.remembered(snapshot, batch, ids))
        self._worker.wake()
        return ids

    def flush(self) -> None:
        """Wait until every full page is sealed, certified and faded as far as it must. Raises what went wrong there."""
        self._worker.finish()

    def close(self) -> None:
        """Finish background work and let go of the store, if this memory opened it."""
        try:
            self.flush()
        finally:
            self._worker.stop()
            if self._owns_store:
                self.store.close()

    def __enter__(self) -> OpticalMemory:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- forgetting -------------------------------------------------------------------------------------------------

    def fade(self, capacity: int | None = None) -> list[Step]:
        """Fade the oldest pages until the session fits `capacity` visual tokens; gives what changed."""
        limit = self.capacity if capacity is None else capacity
        profile, done = self.reader.profile, []

        def change(snapshot: Snapshot) -> Sequence[life.Change]:
            done[:] = plan(life.page_states(snapshot), limit, self.policy, profile.ladder)
            return life.faded(snapshot, done, profile, self.policy)

        self.archive.update(change)
        return list(done)

    def forget(self, *, page: str | None = None, turn: str | None = None, session: bool = False) -> None:
        """Remove a page, a turn or the whole session for good: record, pictures, tokens, ledger and index.

        Raises `Forgotten` for a page or turn that is not there (any more).
        """
        if [page is not None, turn is not None, session].count(True) != 1:
            raise InputError("forget one thing at a time: page=…, turn=… or session=True")
        if session:
            self.store.drop(self.session)
            return
        if page is not None:
            self.archive.update(lambda snapshot: erasing.without_page(snapshot, page, self.reader.profile))
        if turn is not None:
            self.archive.update(lambda s: erasing.without_turn(s, turn, self.archive.picture, self.reader.profile))
        self.store.drop_blobs(self.session)

    # ---- recalling --------------------------------------------------------------------------------------------------

    def recall(self, query: str, k: int = 3) -> list[Recollection]:
        """The `k` pages or recent turns that say most about `query`, best first, each as it reads now."""
        snapshot = self.archive.snapshot()
        best = search.rank(query, _documents(snapshot), k)
        paged = [(id, score) for id, score in best if id in snapshot.pages]
        read = {found.page: found for found in self.pages.read(snapshot, paged)}
        records = {f"turn {record.id}": record for record in snapshot.open_turns()}
        return [read[id] if id in read else _open_turn(records[id], score, snapshot) for id, score in best]

    def read(self, page: str) -> Recollection:
        """One page as it reads now. Raises `Forgotten` for a page that is gone or never was."""
        snapshot = self.archive.snapshot()
        if page not in snapshot.pages:
            raise Forgotten(f"no page {page!r} in session {self.session!r}")
        return self.pages.read(snapshot, [(page, 0.0)])[0]

    def context(self, query: str | None = None, budget: int | None = None, mode: Mode = "text", **options: Any) -> Context:
        """What goes into the agent's window: recent turns, and pages about `query` (without one: the newest pages).

        Costs at most `budget` tokens, in the consumer's own currency. Raises `BudgetTooSmall` when the last user turn
        alone does not fit.
        """
        limit = self.budget if budget is None else budget
        snapshot = self.archive.snapshot()
        recent = [_rest(record) for record in snapshot.open_turns()]
        shown = _newest_within(recent, int(RECENT_SHARE * limit)) if snapshot.pages else recent
        found = self.recall(query, k=12) if query else self._newest_pages(snapshot, limit)
        pictures = {} if mode == "text" else self._pictures(snapshot, found, mode)
        return assemble(shown, found, limit, mode=mode, query=query, pictures=pictures, **options)

    def _newest_pages(self, snapshot: Snapshot, budget: int) -> list[Recollection]:
        """The newest pages, as many as the budget could hold, scored by how new they are."""
        left, chosen = budget, []
        for record in reversed(snapshot.pages.values()):
            if left <= 0:
                break
            if record.state != "forgotten":
                chosen.append((record.id, float(record.ordinal)))
                left -= record.text_tokens
        return self.pages.read(snapshot, chosen)

    def _pictures(self, snapshot: Snapshot, found: Sequence[Recollection], mode: Mode) -> dict[str, Picture]:
        pictures = {}
        for record in (snapshot.pages[r.page] for r in found if r.page in snapshot.pages):
            if record.rung is None:
                continue
            rung = self.reader.profile.rung(record.rung)
            if mode == "image":
                pictures[record.id] = Picture(rung.side_px, png=self.archive.picture(record.id, rung.name))
            else:
                pictures[record.id] = Picture(rung.side_px, visual=self.pages.tokens([record], rung)[0])
        return pictures

    # ---- looking after ----------------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        """Counts of the session: turns, pages by rung, tokens against capacity, compression, what was forgotten."""
        return upkeep.stats(self.archive, self.capacity, self.policy, self.reader.profile)

    def check(self, repair: bool = False) -> list[str]:
        """Problems in the session and its store, one sentence each; none is good. `repair` mends what can be mended."""
        return upkeep.check(self.archive, self.reader.profile, self.renderer, repair=repair)

    def sessions(self) -> list[str]:
        return self.store.sessions()

    def export(self, path: str | Path) -> None:
        """Write the session to a zip file of JSON records and PNG pictures."""
        upkeep.export(self.archive, Path(path))

    @classmethod
    def restore(cls, path: str | Path, session: str | None = None, **settings: Any) -> OpticalMemory:
        """A memory filled from an exported file. Raises `InputError` if the session it would write exists already."""
        name, changes = upkeep.exported(Path(path))
        memory = cls(session or name, **settings)
        if memory.store.version(memory.session):
            memory.close()
            raise InputError(f"session {memory.session!r} exists already: restore under another name with session=…")
        memory.store.commit(memory.session, changes, expect=0)
        return memory

    # ---- async ------------------------------------------------------------------------------------------------------

    async def aremember(self, turns: Turn | Sequence[Turn]) -> list[str]:
        return await asyncio.to_thread(self.remember, turns)

    async def arecall(self, query: str, k: int = 3) -> list[Recollection]:
        return await asyncio.to_thread(self.recall, query, k)

    async def acontext(self, query: str | None = None, budget: int | None = None, mode: Mode = "text") -> Context:
        return await asyncio.to_thread(self.context, query, budget, mode)

    # ---- background -------------------------------------------------------------------------------------------------

    def _work(self) -> bool:
        """One piece of background work; False when there is none left."""
        profile = self.reader.profile
        before = self.archive.snapshot().version
        snapshot = self.archive.update(
            lambda s: life.sealed(s, self.renderer, profile, self.retain, self.keep_turns)
        )
        waiting = next((r for r in snapshot.pages.values() if r.state == "sealed" and r.lines is not None), None)
        if waiting is not None and (page := waiting.get_page()) is not None:
            proof = self.pages.certify(waiting, page)
            self.archive.update(
                lambda s: life.certified(s, waiting.id, proof, profile, self.retain, self.policy.floor)
            )
            self.fade()
            return True
        return self.archive.snapshot().version != before


def _documents(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """What may be searched: the index of every page, and the words of every open turn."""
    documents: dict[str, dict[str, int]] = {}
    for record in snapshot.pages.values():
        if record.state != "forgotten":
            total: dict[str, int] = {}
            for counts in record.terms.values():
                for term, count in counts.items():
                    total[term] = total.get(term, 0) + count
            documents[record.id] = total
    return documents | {f"turn {r.id}": dict(search.terms(body(r.turn))) for r in snapshot.open_turns()}


def _rest(record: TurnRecord) -> Turn:
    """The part of a turn that stands on no page yet."""
    return record.turn if not record.sealed_upto else Turn(
        record.role, body(record.turn)[record.sealed_upto :], record.name, record.when, record.id, (), record.tool_call_id
    )


def _newest_within(turns: list[Turn], budget: int) -> list[Turn]:
    """The newest turns that fit; the last one in any case."""
    costs = count_batch([body(turn) for turn in turns])
    kept, left = 0, budget
    for cost in reversed(costs):
        if cost > left and kept:
            break
        kept, left = kept + 1, left - cost
    return turns[len(turns) - kept :]


def _open_turn(record: TurnRecord, score: float, snapshot: Snapshot) -> Recollection:
    text = body(record.turn)
    span = Span(0, len(text), "original", 1.0)
    return Recollection(
        f"turn {record.id}", text, (span,), None, score, count_tokens(text), (record.id,), snapshot.session.next_page
    )


class _Worker:
    """One background thread that does `work` until there is none, then sleeps until it is woken."""

    def __init__(self, work: Any, name: str) -> None:
        self._work, self._name = work, name
        self._state = threading.Condition()
        self._wanted = self._busy = self._stopped = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        with self._state:
            self._wanted = True
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._state.notify_all()

    def finish(self) -> None:
        """Wake, wait until nothing is left to do, and raise what went wrong."""
        self.wake()
        with self._state:
            self._state.wait_for(lambda: not (self._wanted or self._busy) or self._stopped)
            error, self._error = self._error, None
        if error is not None:
            raise error

    def stop(self) -> None:
        with self._state:
            self._stopped = True
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._state:
                self._busy = False
                self._state.notify_all()
                self._state.wait_for(lambda: self._wanted or self._stopped)
                if self._stopped:
                    return
                self._wanted, self._busy = False, True
            try:
                while self._work() and not self._stopped:
                    pass
            except OpticalMemoryError as error:
                log.warning("background work stopped, nothing is lost: %s", error)
                with self._state:
                    self._error = error

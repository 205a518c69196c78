"""`OpticalMemory`: the class that most users meet. It remembers turns, lets pages fade, recalls
them, and fills the window of an agent.

Writing is durable before it returns and never waits for a model: a background thread seals,
certifies and fades. Several memories, in one process or many, may share a session.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from optical_memory.errors import InputError, StoreError, require_number, require_text, require_word
from optical_memory.ledger import LedgerScope
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.recall.in_thread import in_thread
from optical_memory.recall.opened.guard import Guard, GuardPolicy
from optical_memory.recall.session_view import SessionView
from optical_memory.redaction.redact import Redact, open_redaction
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.search.meaning import Semantic, open_embedder
from optical_memory.session.archive import Archive
from optical_memory.session.background import LOOK_SECONDS, Progress, Upkeep, no_progress
from optical_memory.session.check import check
from optical_memory.session.corrections.redacting import mask_names
from optical_memory.session.export import export, exported_name, read_export, restore_export
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.records import Retain
from optical_memory.session.rekeying.keyed_session import KeyedSession, key_problems
from optical_memory.session.stats import Stats
from optical_memory.session.sync.host_list import HostList
from optical_memory.session.sync.synced_session import SyncedSession
from optical_memory.session.tended_session import TendedSession
from optical_memory.session.token_cache import TokenCache
from optical_memory.session.workers.oversight import Oversight
from optical_memory.session.workers.worker import Worker
from optical_memory.stores.base import Store
from optical_memory.stores.encryption.tenant_key import KeyService, require_key
from optical_memory.stores.registry import store_at
from optical_memory.stores.turn_time import in_turn
from optical_memory.telemetry import enable_if_asked
from optical_memory.telemetry.measuring import measured
from optical_memory.tokens import INT8, TokenCodec

__all__ = [
    "OpticalMemory",
]

KEEP_TURNS = 20
"""The newest turns that always stay text."""

PROGRESS_SECONDS = 0.25
"""How often `flush` tells its progress."""


class OpticalMemory(SyncedSession, TendedSession, KeyedSession, SessionView):
    """A memory of a session; `open` gives those of other sessions in the same store.

    >>> memory = OpticalMemory("alice", store="sqlite:///memory.db")
    >>> memory.remember([Turn("user", "The gate code is 4417#."), Turn("assistant", "Noted.")])
    ['t0', 't1']
    >>> memory.close()

    `store` is a URL (`sqlite:///file.db`, `redis://…`; default: a file in the user's data
    directory) or a `Store`. `reader` is a name, a checkpoint folder or a `Reader`. `budget` counts
    tokens of the agent's window. `capacity` counts tokens that are kept, of pictures and of exact
    facts: beyond it pages fade, are condensed, at last lost. Without it they fade with age, and all
    can be read. `policy` says how. `retain="text"` keeps a page's text, `"pages"` drops it once it
    is certified. `ledger="auto"` keeps beside it what its certificate doubts, `ledger="all"` all
    exact facts. `semantic="auto"` finds by meaning too if the extra `semantic` is installed, None
    by words alone; or give LangChain `Embeddings`. The newest `keep_turns` turns stay text. `codec`
    is for cached tokens. With a `key` all that is kept of the session is encrypted (`TenantKey`, or
    a key service). `redact` sees each turn before it is kept: a function that gives the turn to
    keep or None, or a guard that finds passwords and keys (extra `secrets`): "mask" masks them,
    "drop" keeps their turns out. `guard="mark"` tells a model which recalled words of tools may be
    instructions, `"leave_out"` leaves them out. With `background=False` only `seal` and `flush`
    work.

    Raises `InputError` for a number out of range or an unknown word. Raises `StoreError` if the
    store cannot be opened, `CheckpointError` if the folder is no checkpoint of the reader.
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
        ledger: LedgerScope = "auto",
        semantic: Semantic = "auto",
        keep_turns: int = KEEP_TURNS,
        policy: ForgettingPolicy | None = None,
        codec: TokenCodec = INT8,
        key: KeyService | None = None,
        guard: GuardPolicy | None = None,
        background: bool = True,
        redact: Redact = None,
    ) -> None:
        require_text("session", session)
        if not session:
            raise InputError("a session needs a name")
        require_number("budget", budget, minimum=1)
        require_number("keep_turns", keep_turns, minimum=0)
        if capacity is not None:
            require_number("capacity", capacity, minimum=0)
        require_word("retain", retain, get_args(Retain))
        require_word("ledger", ledger, get_args(LedgerScope))
        redaction = open_redaction(redact, mask_names(session))
        if guard is not None:
            require_word("guard", guard, get_args(GuardPolicy))
        self._owns_store = store is None or isinstance(store, str)
        require_key(key)
        self.key = key
        archive = Archive(store_at(store), session, key=key)
        opened_reader = open_reader(reader) if isinstance(reader, str) else reader
        super().__init__(
            TokenCache(archive, opened_reader, codec),
            policy or ForgettingPolicy(),
            budget,
            open_embedder(semantic),
        )
        self._redact = redact
        self._redaction = redaction
        self._page_reader.guard = Guard(guard)
        self.semantic: Semantic = semantic
        self.capacity = capacity
        self.keep_turns = keep_turns
        self.retain: Retain = retain
        self.ledger: LedgerScope = ledger
        self._background = background
        self._host_list = HostList(
            archive, self._wake, self._embedder, redaction, self.policy.keep_for
        )
        self._renderer = PageRenderer(self.reader.profile.grid)
        self._upkeep = Upkeep(
            self._cache,
            self._renderer,
            policy=self.policy,
            capacity=self.capacity,
            retain=retain,
            ledger=ledger,
            keep_turns=keep_turns,
            read_page=self._page_reader.read,
            on_expiry=self._drop_copies,
        )
        has_term = self.policy.keep_for is not None
        name = f"optical-memory {session}"
        self._worker = Worker(self._upkeep.work, name, LOOK_SECONDS if has_term else None)
        self._oversight = Oversight(
            archive,
            self._worker,
            self._upkeep.backlog,
            capacity=capacity,
            policy=self.policy,
            profile=self.reader.profile,
        )
        enable_if_asked()
        if has_term:
            self._wake()

    def open(self, session: str) -> OpticalMemory:
        """A memory of another session, with the same store, reader and settings. Close each."""
        memory = OpticalMemory(
            session,
            store=self.store,
            reader=self.reader,
            budget=self.budget,
            capacity=self.capacity,
            retain=self.retain,
            ledger=self.ledger,
            semantic=self.semantic,
            keep_turns=self.keep_turns,
            policy=self.policy,
            codec=self.codec,
            key=self.key,
            guard=self.guard,
            background=self._background,
            redact=self._redact,
        )
        memory.deadline = self.deadline
        return memory

    # ---- remembering -----------------------------------------------------------------------------

    def _wake(self) -> None:
        self._oversight.look(warns=self._background)
        if self._background:
            self._worker.wake()

    @measured
    def seal(self) -> bool:
        """Seal full pages now; `flush` certifies them too. False if there were none."""
        has_sealed = False
        while self._upkeep.seal():
            has_sealed = True
        return has_sealed

    def flush(self, progress: Progress = no_progress) -> None:
        """Wait until every full page is sealed, certified and faded as far as it must.

        Raises the error that ended the work, if any did.
        """
        self._worker.wake()
        while not self._worker.wait(PROGRESS_SECONDS):
            self._tell(progress)
        self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        if progress is not no_progress:  # counting pages asks the store
            pages = self._archive.snapshot().pages.values()
            n_certified = sum(page.state != "sealed" for page in pages)
            progress("Certifying pages", n_certified, len(pages))

    def close(self) -> None:
        """Finish the background work that this memory began, and close the store that it opened.

        Raises the error that ended the work since the last `flush`; everything is closed all the
        same.
        """
        self._close(is_interrupted=False)

    def _close(self, *, is_interrupted: bool) -> None:
        try:
            if self._worker.has_started and not is_interrupted:
                self.flush()
        finally:
            self._worker.stop()
            self._oversight.close()
            if self._owns_store:
                self.store.close()

    def __enter__(self) -> OpticalMemory:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Close. Whoever interrupts the program waits for a page and no more.

        Nothing is lost: whoever opens the session next seals and certifies the rest.
        """
        self._close(is_interrupted=kind is not None and not issubclass(kind, Exception))

    # ---- looking after ---------------------------------------------------------------------------

    @in_turn
    def stats(self) -> Stats:
        """Counts of the session: turns, pages by rung, tokens, compression, forgotten pages."""
        counts = self._oversight.stats(self._archive.snapshot())
        return replace(
            counts,
            bill=self.bill,
            kept_out_turns=self._redaction.n_kept_out,
            suspect_turns=len(self._page_reader.guard.suspects),
        )

    def check(self, repair: bool = False) -> list[str]:
        """Problems of the session and its store, a sentence each; an empty list is good.

        `repair` mends everything that can be mended. Raises `NewerFormat` if a newer version of
        this package wrote to the session.
        """
        problems = check(self._archive, self.reader.profile, self._renderer, repair=repair)
        return problems + key_problems(self._archive, repair=repair)

    def export(self, path: str | Path, *, plain: bool = False) -> None:
        """Write the session to a zip file of JSON records and PNG pictures.

        The file of an encrypted session is encrypted too, unless it shall be `plain`.
        """
        export(self._archive, Path(path), plain=plain)

    @classmethod
    def restore(
        cls, path: str | Path, session: str | None = None, **settings: Any
    ) -> OpticalMemory:
        """A memory filled from an exported file; `settings` are those of `OpticalMemory`.

        With a `key` among them the session is encrypted; that of an encrypted file must open it.

        Raises `InputError` if the file was not written by `export`, or the session exists already,
        and `KeyMismatch` if the file has another key.
        """
        file = Path(path)
        memory = cls(session or exported_name(file), **settings)  # a large file is read last
        try:
            restore_export(memory._archive, read_export(file, memory.key))
        except (InputError, StoreError):
            memory.close()
            raise
        return memory

    # ---- async -----------------------------------------------------------------------------------

    aremember = in_thread(SyncedSession.remember)
    asupersede = in_thread(SyncedSession.supersede)
    async_sync = in_thread(SyncedSession.sync)

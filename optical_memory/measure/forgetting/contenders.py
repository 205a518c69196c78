"""Memories of a size: ours, and plain ways to keep as many tokens of a conversation.

All of ours are copies of one certified memory, so that each forgets from the same pages. The size
of a memory is its capacity, that of a text its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from optical_memory.counting import count_tokens
from optical_memory.loaders import Conversation
from optical_memory.measure.demo_capacity import NO_LIMIT, lossless_capacity, page_states_of
from optical_memory.measure.finding.product import OpticalMemoryMethod
from optical_memory.measure.finding.rolling_summary import RollingSummary
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Method, Window
from optical_memory.measure.needles.trials import pages_by_turn
from optical_memory.memory import OpticalMemory
from optical_memory.readers.base import Reader
from optical_memory.session.background import Progress, no_progress
from optical_memory.stores.watchdog import temporary_folder

__all__ = [
    "BY_AGE",
    "FIRST_IN_FIRST_OUT",
    "OURS",
    "TRUNCATION",
    "Contender",
    "contenders",
]

OURS = "optical-memory"
BY_AGE = "optical-memory, by age"
FIRST_IN_FIRST_OUT = "first-in-first-out"
TRUNCATION = "truncation"


@dataclass(frozen=True, slots=True)
class Contender:
    """A method with a memory of a size.

    `share` is that of the tokens which all pages need at the last rung, None without a capacity.
    `pages` has the page of each turn by its id, if the memory has pages.
    """

    method: Method
    share: float | None
    size_tokens: int
    pages: Mapping[str, str] = field(default_factory=dict)


def contenders(
    conversation: Conversation,
    shares: Sequence[float],
    reader: Reader,
    folder: Path,
    progress: Progress = no_progress,
) -> Iterator[Contender]:
    """Each contender at each size, ready until the next is taken.

    The first is our memory without a capacity: its pages fade by age. `folder` keeps the certified
    memory, so that no page is certified twice.
    """
    with _certified(conversation, folder, reader, progress) as memory:
        pages = {turn: page.id for turn, page in pages_by_turn(memory).items()}
        n_pages = len(memory.pages())
        archive = folder / "certified.zip"
        memory.export(archive)
    with _copy(archive, reader) as memory:
        memory.fade()
        n_tokens = _size(memory)
        yield Contender(OpticalMemoryMethod(memory, name=BY_AGE), None, n_tokens, pages)
    transcript = Transcript(conversation.turns)
    for share in shares:
        n_tokens = int(share * n_pages * reader.profile.ladder[-1].n_tokens)
        with _copy(archive, reader) as memory:
            memory.fade(n_tokens)
            yield Contender(OpticalMemoryMethod(memory, name=OURS), share, n_tokens, pages)
        with _copy(archive, reader) as memory:
            _keep_newest_pages(memory, n_tokens)
            method = OpticalMemoryMethod(memory, name=FIRST_IN_FIRST_OUT)
            yield Contender(method, share, n_tokens, pages)
        yield from _texts(transcript, share, n_tokens)


def _texts(transcript: Transcript, share: float, n_tokens: int) -> Iterator[Contender]:
    """The newest text, and a rolling summary, of this size."""
    text = transcript.write(range(len(transcript.turns)))
    yield Contender(KeptText(TRUNCATION, _end_of(text, n_tokens)), share, n_tokens)
    summary = RollingSummary(transcript).window("", n_tokens)
    yield Contender(KeptText(RollingSummary.name, summary), share, n_tokens)


def _end_of(text: str, n_tokens: int) -> Window:
    """The end of a text that costs at most so many tokens: the most that does, by halves."""
    shortest = 0
    longest = len(text)
    while shortest < longest:
        length = (shortest + longest + 1) // 2
        if count_tokens(text[len(text) - length :]) <= n_tokens:
            shortest = length
        else:
            longest = length - 1
    end = text[len(text) - shortest :]
    return Window((end,), count_tokens(end))


@contextmanager
def _certified(
    conversation: Conversation, folder: Path, reader: Reader, progress: Progress
) -> Iterator[OpticalMemory]:
    """A memory of the conversation whose pages are certified and have not faded yet."""
    with OpticalMemory(
        conversation.id,
        store=f"sqlite:///{folder / 'certified.db'}",
        reader=reader,
        capacity=NO_LIMIT,
        keep_turns=0,
        background=False,
    ) as memory:
        memory.remember(conversation.turns)
        memory.flush(progress)
        yield memory


@contextmanager
def _copy(archive: Path, reader: Reader) -> Iterator[OpticalMemory]:
    with temporary_folder("optical-forgetting-") as folder:
        store = f"sqlite:///{folder}/copy.db"
        with OpticalMemory.restore(archive, store=store, reader=reader, background=False) as memory:
            yield memory


def _keep_newest_pages(memory: OpticalMemory, n_tokens: int) -> None:
    """Fade all pages to their last rung, and forget the oldest until the others fit."""
    memory.fade(
        lossless_capacity(page_states_of(memory), memory.policy, memory.reader.profile.ladder)
    )
    for page in memory.pages():
        if _size(memory) <= n_tokens:
            break
        memory.forget(page=page.id)


def _size(memory: OpticalMemory) -> int:
    """The tokens that a capacity counts: of pictures and stubs, and of exact facts."""
    stats = memory.stats()
    return stats.visual_tokens + stats.ledger_tokens


@dataclass(frozen=True, slots=True)
class KeptText:
    """A text that is all that is left. All of it stands in the window, whatever it costs."""

    name: str
    text: Window

    def window(self, question: str, budget: int) -> Window:
        """The whole text."""
        return self.text

    def ranking(self, question: str) -> list[str]:
        """Nothing: the text is not searched."""
        return []

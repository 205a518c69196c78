"""Sessions with every kind of record: open turns, and certified, condensed and stub pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.session.forgetting.policy import STUB
from optical_memory.stores import Delete, Put, Store
from optical_memory.testing import SMALL_LADDER, TemplateReader
from support.page_life import to_rung

SESSION = "alice"
START = datetime(2026, 3, 1)
SHAPES = ("pages", "text", "condensed", "stubs")
N_TURNS = 34

Records = list[Put]


@dataclass(frozen=True)
class Sample:
    """A session in a store: what it holds, and the true text of its turns and of its pages."""

    store: Store
    shape: str
    records: Records
    blobs: dict[str, bytes]
    turns: dict[str, str]
    pages: dict[str, str] = field(default_factory=dict)

    def opened(self) -> OpticalMemory:
        """A new memory of the session."""
        return memory_of(self.store, self.shape)

    def restore(self) -> None:
        """Make the store hold exactly this session again."""
        keys = {(put.kind, put.key) for put in self.records}
        strays = [
            Delete(kind, key)
            for kind in ("session", "turn", "page", "index", "picture")
            for key, _ in self.store.scan(SESSION, kind)
            if (kind, key) not in keys
        ]
        self.store.commit(SESSION, [*self.records, *strays])
        self.store.put_blobs(SESSION, self.blobs)


def reader_of(shape: str) -> TemplateReader:
    """A reader that misreads the finest rung, but for condensing, which wants one that does not."""
    if shape == "condensed":
        return TemplateReader(reads_cells=True)
    return TemplateReader(misread={"large": 0.02})


def memory_of(store: Store, shape: str) -> OpticalMemory:
    memory = OpticalMemory(
        SESSION,
        store=store,
        reader=reader_of(shape),
        keep_turns=3,
        background=False,
        retain="text" if shape == "text" else "pages",
        policy=ForgettingPolicy(condense=shape == "condensed"),
        semantic=None,
    )
    memory.deadline = None  # a busy machine is no damage
    return memory


def turns_of(n: int) -> list[Turn]:
    """Turns with facts that only one of them has."""
    return [
        Turn(
            "user" if i % 2 else "assistant",
            f"Parcel {i} waits in locker QX{1000 + i * 37}. It holds {i * 11} plums from Tirana.",
            name="Mel" if i % 3 == 0 else None,
            when=START + timedelta(hours=i),
            id=f"id{i}",
        )
        for i in range(n)
    ]


def sample(store: Store, shape: str) -> Sample:
    """A session of this shape in an empty store, with its tokens in the cache."""
    turns = turns_of(N_TURNS)
    memory = memory_of(store, shape)
    memory.remember(turns)
    memory.seal()
    pages = true_pages(memory)
    memory.flush()
    _FADE[shape](memory)
    if shape == "condensed":  # a page's text is then only what is left of it
        pages = {}
    elif shape == "stubs":
        del pages["0000000"]
    memory.remember([Turn("user", "And one more, of mangos.", id="last")])
    for page in memory.pages():
        if page.form not in ("forgotten", "condensed"):
            memory.read(page.id)
    records = [
        Put(kind, key, value)
        for kind in ("session", "turn", "page", "index", "picture")
        for key, value in store.scan(SESSION, kind)
    ]
    texts = {turn.id or "": turn.text for turn in turns} | {"last": "And one more, of mangos."}
    assert memory.check() == []
    return Sample(store, shape, records, {}, texts, pages)


def true_pages(memory: OpticalMemory) -> dict[str, str]:
    """The text of every page that is not certified yet."""
    return {page.id: memory.read(page.id).text for page in memory.pages()}


def _stay(memory: OpticalMemory) -> None:
    """The pages stay as they are."""


def _to_stubs(memory: OpticalMemory) -> None:
    first, second, *_ = [page.id for page in memory.pages()]
    to_rung(memory, STUB, first)
    to_rung(memory, SMALL_LADDER[-1].name, second)


def _condense(memory: OpticalMemory) -> None:
    memory.fade(SMALL_LADDER[-1].n_tokens * len(memory.pages()) // 3)


_FADE: dict[str, Callable[[OpticalMemory], None]] = {
    "pages": _stay,
    "text": _stay,
    "stubs": _to_stubs,
    "condensed": _condense,
}

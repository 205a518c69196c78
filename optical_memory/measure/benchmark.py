"""How fast each step of the road is, beside the plain thing one would use instead: what
`optical-memory bench` prints.

Every figure is the median of a few runs after one that is not counted, ours and the baseline in
turn on the same input. `ratio` above 1: ours is better.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from optical_memory.counting import count_tokens
from optical_memory.loaders import example
from optical_memory.memory import OpticalMemory
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Rung
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.policy import ForgettingPolicy
from optical_memory.tokens import INT8, VisualTokens, unpack
from optical_memory.turns import Turn

__all__ = ["BENCHES", "BenchRow", "Lab"]

RUNS = 3
PAGES = 2  # pages of the memory that is asked
PLAIN_ROWS = 6  # of a page, read one character after the other
QUERY = "What is the Message-ID of the first mail to Aristos about the three papers?"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """Ours beside a baseline, both in `unit`; `ratio` > 1 means that ours is better."""

    name: str
    ours: float
    baseline: float
    baseline_name: str
    ratio: float
    unit: str


@dataclass(frozen=True)
class Lab:
    """What the benches share: a reader, a folder to write to, pages of the bundled conversation."""

    reader: PocketReader
    folder: Path

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        return example().turns

    @cached_property
    def pages(self) -> list[Page]:
        placed = [PlacedTurn(turn, turn.id or f"t{i}", i) for i, turn in enumerate(self.turns)]
        return PageRenderer(self.reader.profile.grid).paginate(placed)[:-1]

    @cached_property
    def base(self) -> Rung:
        return self.reader.profile.rung("base")

    @cached_property
    def tokens(self) -> VisualTokens:
        """The first page at Base, encoded."""
        return self.reader.encode(
            [PageRenderer().draw(self.pages[0], self.base.side_px)], self.base
        )[0]

    @cached_property
    def memory(self) -> OpticalMemory:
        """A session with `PAGES` certified pages, read from their pictures."""
        store = f"sqlite:///{self.folder / 'bench.db'}"
        narrow = PocketReader(self.reader.folder, ladder=(self.base,))
        memory = OpticalMemory(
            "bench", store=store, reader=narrow, keep_turns=0, policy=ForgettingPolicy(floor=0)
        )
        memory.remember(self.turns[: self.pages[PAGES].layout.spans[-1].ordinal + 1])
        memory.flush()
        return memory

    def finish(self) -> None:
        """Let go of the memory, if a bench asked for one."""
        if "memory" in self.__dict__:
            self.memory.close()


def _rates(
    ours: Callable[[], object], baseline: Callable[[], object], per_run: float = 1.0
) -> tuple[float, float]:
    """How many a second, ours and the baseline's, run in turn; a run does `per_run` of them."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS + 1):
        for work, taken in zip((ours, baseline), times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    mine, others = (per_run / statistics.median(taken[1:]) for taken in times)
    return mine, others


def _faster(name: str, rates: tuple[float, float], baseline: str, unit: str) -> BenchRow:
    return BenchRow(name, rates[0], rates[1], baseline, rates[0] / rates[1], unit)


# ---- pictures and tokens -------------------------------------------------------------------------


def _draw(lab: Lab) -> Iterator[BenchRow]:
    """A page at 1024 px, glyphs blitted from our atlas or text drawn line by line by Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    page, side, rows = lab.pages[0], lab.base.side_px, lab.reader.profile.grid.rows
    renderer, font = PageRenderer(lab.reader.profile.grid), ImageFont.load_default(size=10)

    def pillow() -> object:
        image = Image.new("L", (side, side), 255)
        canvas = ImageDraw.Draw(image)
        for row, line in zip(page.layout.rows, page.lines, strict=True):
            canvas.text((0, row.y * side / rows), line, fill=0, font=font)
        return np.asarray(image)

    rates = _rates(
        lambda: [renderer.draw(page, side) for _ in range(10)],
        lambda: [pillow() for _ in range(10)],
        10,
    )
    yield _faster("draw a page", rates, "Pillow ImageDraw.text, line by line", "pages/s")


def _encode(lab: Lab) -> Iterator[BenchRow]:
    """Two pages at Base, by the reader and by the stock class; and what share of the matrix
    multiplier that uses.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    images = [PageRenderer().draw(page, lab.base.side_px) for page in lab.pages[:2]]
    stock = lab.reader._network.model

    def transformers() -> object:
        pixels = (
            torch.from_numpy(np.stack(images))
            .float()
            .div(127.5)
            .sub(1)[:, None]
            .expand(-1, 3, -1, -1)
        )
        with torch.inference_mode():
            return stock.get_image_features(pixels)

    rates = _rates(lambda: lab.reader.encode(images, lab.base), transformers, 2)
    yield _faster("encode", rates, "transformers get_image_features, same batch", "pages/s")
    with FlopCounterMode(display=False) as counter:
        lab.reader.encode(images, lab.base)
    left, right = torch.randn(4096, 1024), torch.randn(1024, 1024)
    work = 2e-9 * left.shape[0] * left.shape[1] * right.shape[1]
    rates = _rates(lambda: lab.reader.encode(images, lab.base), lambda: left @ right)
    ours, peak = rates[0] * counter.get_total_flops() * 1e-9, rates[1] * work
    yield BenchRow(
        "encode, arithmetic", ours, peak, "one large float32 matrix product", ours / peak, "GFLOP/s"
    )


def _decode(lab: Lab) -> Iterator[BenchRow]:
    """A page at Base, read from its cached bytes or seen again first."""
    page, image = lab.pages[0], PageRenderer().draw(lab.pages[0], lab.base.side_px)
    blob = INT8.pack(lab.tokens)

    def again() -> object:
        seen = lab.reader.encode([image], lab.base)
        return lab.reader.decode([unpack(INT8.pack(seen[0]))], [page.layout])

    rates = _rates(lambda: lab.reader.decode([unpack(blob)], [page.layout]), again)
    yield _faster("decode from cached tokens", rates, "encode the picture and decode", "pages/s")


def _read(lab: Lab) -> Iterator[BenchRow]:
    """A page at every rung, read our way or by plain left-to-right decoding: one character at a
    time, as `generate` would (of the page's first lines), and the same with all lines of the page
    in one batch.
    """
    import torch

    from optical_memory.readers.pocket.read_cells import PageEyes, read_plainly

    page, network = lab.pages[0], lab.reader._network
    few = replace(page.layout, rows=page.layout.rows[:PLAIN_ROWS])
    whole = page.layout
    for rung in lab.reader.profile.ladder:
        image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
        tokens = lab.reader.encode([image], rung)[0]

        def plain(
            layout: Layout, lines: int, rung: Rung = rung, tokens: VisualTokens = tokens
        ) -> object:
            mix = network.mixes[rung.name]
            with torch.inference_mode():
                eyes = PageEyes(
                    network.model, network.cells, tokens.values, layout, rung.side_px, mix
                )
                return read_plainly(eyes, layout, lines)

        def ours(tokens: VisualTokens = tokens) -> object:
            return lab.reader.decode([tokens], [whole])

        for layout, lines, how in (
            (few, 1, "one character at a time"),
            (whole, len(whole.rows), "all lines at once"),
        ):
            fast, slow = _rates(ours, partial(plain, layout, lines))
            rates = fast * whole.n_chars, slow * layout.n_chars
            yield _faster(
                f"read at {rung.name}",
                rates,
                f"plain left-to-right decoding, {how}",
                "characters/s",
            )


def _codec(lab: Lab) -> Iterator[BenchRow]:
    """The tokens of a page at Base as INT8 or as raw float32 in a safetensors file: bytes, and
    pages there and back.
    """
    from safetensors.numpy import load, save

    blob, raw = INT8.pack(lab.tokens), save({"values": lab.tokens.values})
    yield BenchRow(
        "token bytes",
        len(blob),
        len(raw),
        "safetensors float32",
        len(raw) / len(blob),
        "bytes/page",
    )
    ours = lambda: [unpack(INT8.pack(lab.tokens)) for _ in range(50)]  # noqa: E731
    theirs = lambda: [load(save({"values": lab.tokens.values})) for _ in range(50)]  # noqa: E731
    yield _faster(
        "pack and unpack", _rates(ours, theirs, 50), "safetensors float32, no checks", "pages/s"
    )


# ---- memory --------------------------------------------------------------------------------------


def _remember(lab: Lab) -> Iterator[BenchRow]:
    """Turns one at a time, each durable before the next, without pages being sealed meanwhile."""
    turns, runs = lab.turns[:100], iter(range(2 * RUNS + 2))

    def ours() -> None:
        store = f"sqlite:///{lab.folder / f'ours{next(runs)}.db'}"
        with OpticalMemory(
            "bench", store=store, reader=lab.reader, keep_turns=len(turns)
        ) as memory:
            for turn in turns:
                memory.remember(turn)

    def sqlite() -> None:
        with closing(sqlite3.connect(lab.folder / f"plain{next(runs)}.db")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("CREATE TABLE turns (key INTEGER PRIMARY KEY, value TEXT)")
            for i, turn in enumerate(turns):
                with db:
                    db.execute(
                        "INSERT INTO turns VALUES (?, ?)",
                        (i, json.dumps(asdict(turn), default=str)),
                    )

    yield _faster(
        "remember a turn",
        _rates(ours, sqlite, len(turns)),
        "sqlite3 insert and commit of its JSON",
        "turns/s",
    )


def _recall(lab: Lab) -> Iterator[BenchRow]:
    """A query answered from the best page, its tokens cached or not."""
    memory = lab.memory

    def cold() -> object:
        memory.store.drop_blobs(memory.session)
        return memory.recall(QUERY, k=1)

    rates = _rates(lambda: memory.recall(QUERY, k=1), cold)
    yield _faster("recall", rates, "the same with no tokens cached", "queries/s")


def _context(lab: Lab) -> Iterator[BenchRow]:
    """A context of 4 000 tokens about a query, or the newest messages that fit 4 000 tokens."""
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages

    memory, budget = lab.memory, 4_000
    said = [(AIMessage if t.role == "assistant" else HumanMessage)(t.text) for t in lab.turns[:100]]

    def cost(messages: list[BaseMessage]) -> int:
        return sum(count_tokens(message.text) for message in messages)

    ours = lambda: memory.context(QUERY, budget)  # noqa: E731
    trim = lambda: trim_messages(said, max_tokens=budget, token_counter=cost, strategy="last")  # noqa: E731
    baseline = "LangChain trim_messages on 100 turns, same tokenizer (recalls nothing)"
    yield _faster("assemble a context", _rates(ours, trim), baseline, "contexts/s")


BENCHES: Mapping[str, Callable[[Lab], Iterator[BenchRow]]] = {
    "draw": _draw,
    "encode": _encode,
    "decode": _decode,
    "read": _read,
    "codec": _codec,
    "remember": _remember,
    "recall": _recall,
    "context": _context,
}
"""Every bench by the name that `--only` takes; each gives its rows."""

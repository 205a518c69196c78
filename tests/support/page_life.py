"""Pages of one session from sealing to nothing: turns that fill them, and a look at the store."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.session.fade import fade
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import STUB
from optical_memory.stores import Store
from optical_memory.testing import SMALL_LADDER

SECRET = "the heron sleeps under the third bridge"
RUNGS = [rung.name for rung in SMALL_LADDER]  # of 73, 43, 21 and 13 tokens
ANY_RUNG = ForgettingPolicy(condense=False, floor=0.0)
SHORT_STUBS = ForgettingPolicy(condense=False, stub_tokens=10)


def turns_with_secret(n: int) -> list[Turn]:
    """Turns that fill a small page each eight or so; the secret is in the fifth."""
    turns: list[Turn] = []
    for i in range(n):
        text = f"Topic{i} is on shelf {i * 3}, beside the apples."
        turns.append(Turn("user", text, when=datetime(2026, 3, 1, i % 24)))
    turns[4] = Turn("user", f"Between us: {SECRET}.", id="secret")
    return turns


def ledger_tokens(memory: OpticalMemory) -> int:
    """Tokens of all exact facts beside pictures: they count against a capacity."""
    return sum(memory.inspect(page.id).ledger.n_tokens for page in memory.pages())


def picture_keys(store: Store) -> list[str]:
    return [key for key, _ in store.scan("alice", "picture")]


def raw_bytes(store: Store) -> bytes:
    """Everything that the store keeps: SQLite's files as they lie on the disk, Redis' values."""
    path = getattr(store, "path", None)
    if isinstance(path, Path):
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    kinds = ("session", "turn", "page", "picture")
    return b"".join(value for kind in kinds for _, value in store.scan("alice", kind))


def to_stubs(memory: OpticalMemory, *pages: str) -> None:
    """Make stubs of these pages, whatever the capacity."""
    to_rung(memory, STUB, *pages)


def to_rung(memory: OpticalMemory, rung: str, *pages: str) -> None:
    """Fade these pages to a rung, whatever the capacity."""
    steps = [Step(page, rung) for page in pages]
    profile = memory.reader.profile
    memory._archive.update(
        lambda snapshot: (fade(snapshot, steps, profile, memory.policy, memory.retain), None)
    )

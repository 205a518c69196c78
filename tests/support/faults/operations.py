"""Every operation of a memory: what it begins with, what it does, and what is true afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.errors import Forgotten, InputError
from optical_memory.stores import Store
from support.faults.lives import NEXT, listed, open_memory
from support.faults.told import Told, sentence, turn

__all__ = [
    "OPERATIONS",
    "Operation",
    "Scene",
]


@dataclass
class Scene:
    """Where an operation acts: a store, a folder for files, and the memory if it is open."""

    store: Store
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    memory: OpticalMemory | None = None

    def open(self) -> OpticalMemory:
        if self.memory is None:
            self.memory = open_memory(self.store, **self.settings)
        return self.memory


def _same(told: Told) -> Told:
    return told


@dataclass(frozen=True)
class Operation:
    """`act` is what the fault comes into; `after` is the truth if it was done.

    The records are those of before or those of after, and nothing between. With
    `opens`, opening the memory belongs to it.
    """

    name: str
    act: Callable[[Scene], object]
    after: Callable[[Told], Told] = _same
    life: str = "long"
    opens: bool = False
    session: str = "alice"
    settings: dict[str, Any] = field(default_factory=dict)
    is_background: bool = False
    skips: tuple[str, ...] = ()


def _acting(method: str, *arguments: Any, **options: Any) -> Callable[[Scene], object]:
    return lambda scene: getattr(scene.open(), method)(*arguments, **options)


def _forgetting(**options: Any) -> Callable[[Scene], object]:
    """Forget; a second call finds nothing if the first was done."""

    def act(scene: Scene) -> None:
        with suppress(Forgotten):
            scene.open().forget(**options)

    return act


# ---- with a host's list --------------------------------------------------------------------------


def _edited_list() -> list[dict[str, str]]:
    messages = listed()
    messages[3]["content"] = sentence(3, 1)
    messages[18]["content"] = sentence(18, 1)
    return messages


def _after_edited_list(told: Told) -> Told:
    after = told.copy()
    after.versions["t3"].append(sentence(3, 1))
    after.versions["t18"].append(sentence(18, 1))
    return after


def _branch() -> list[dict[str, str]]:
    return [*listed(12), {"role": "user", "content": sentence(NEXT)}]


def _after_branch(told: Told) -> Told:
    after = told.faded(*(f"t{i}" for i in range(12, 20)))
    after.versions["t20"] = [sentence(NEXT)]
    return after


def _after_longer_list(told: Told) -> Told:
    after = told.copy()
    after.versions["t20"] = [sentence(20)]
    after.versions["t21"] = [sentence(21)]
    return after


# ---- files ---------------------------------------------------------------------------------------


def _export(scene: Scene) -> None:
    scene.open().export(scene.folder / "alice.zip")


def _restore(scene: Scene) -> None:
    """Restore the export of the life; a session that is there already is the first call's."""
    with suppress(InputError):
        settings = {"store": scene.store, "background": False, "semantic": None}
        reader = open_memory(scene.store).reader
        path = scene.folder / "long.zip"
        OpticalMemory.restore(path, session="copy", reader=reader, **settings)


def _close(scene: Scene) -> None:
    """Remember in the background, and wait for it at the end."""
    memory = open_memory(scene.store, background=True)
    try:
        memory.remember([turn(NEXT), turn(NEXT + 1)])
    finally:
        memory.close()


OWN_IDS = ("overtaken by remember",)
"""Seams that change the ids that turns without an id get."""

NEW = [turn(NEXT), turn(NEXT + 1), turn(NEXT + 2)]
CONDENSING = {"policy": ForgettingPolicy(), "capacity": 120}

OPERATIONS = [
    Operation("open", lambda scene: scene.open(), opens=True),
    Operation(
        "open and remember, new session",
        _acting("remember", NEW),
        lambda told: told.add(*NEW),
        life="",
        opens=True,
    ),
    Operation("remember", _acting("remember", NEW), lambda told: told.add(*NEW)),
    Operation(
        "remember, short session", _acting("remember", NEW), lambda told: told.add(*NEW), "short"
    ),
    Operation("edit an open turn", _acting("remember", turn(56, 1)), lambda t: t.add(turn(56, 1))),
    Operation(
        "edit a turn on a page", _acting("remember", turn(15, 1)), lambda t: t.add(turn(15, 1))
    ),
    Operation(
        "supersede by a new turn",
        _acting("supersede", "m4", turn(NEXT)),
        lambda told: told.add(turn(NEXT)),
    ),
    Operation("supersede by a turn", _acting("supersede", "m5", "m6")),
    Operation(
        "sync a longer list",
        _acting("sync", listed(22)),
        _after_longer_list,
        "listed",
        skips=OWN_IDS,
    ),
    Operation(
        "sync an edited list",
        _acting("sync", _edited_list()),
        _after_edited_list,
        "listed",
        skips=OWN_IDS,
    ),
    Operation(
        "sync another way", _acting("sync", _branch()), _after_branch, "listed", skips=OWN_IDS
    ),
    Operation("feedback", _acting("feedback", "m2")),
    Operation("seal", _acting("seal"), is_background=True),
    Operation("certify", _acting("flush"), is_background=True),
    Operation("fade", _acting("fade", 300)),
    Operation("fade to stubs", _acting("fade", 100), lambda told: told.faded()),
    Operation("fade to nothing", _acting("fade", 0), lambda told: told.faded()),
    Operation("condense", _acting("fade"), lambda told: told.faded(), settings=CONDENSING),
    Operation("forget a turn on a page", _forgetting(turn="m14"), lambda t: t.without("m14")),
    Operation(
        "forget a turn on a sealed page", _forgetting(turn="m44"), lambda t: t.without("m44")
    ),
    Operation("forget a turn on two pages", _forgetting(turn="m12"), lambda t: t.without("m12")),
    Operation("forget an open turn", _forgetting(turn="m57"), lambda t: t.without("m57")),
    Operation("forget an edited turn", _forgetting(turn="m7"), lambda t: t.without("m7")),
    Operation(
        "forget a page",
        _forgetting(page="0000003"),
        lambda t: t.without(*(f"m{n}" for n in range(18, 25))).faded("m17", "m25"),
    ),
    Operation(
        "forget the session",
        _forgetting(session=True),
        lambda told: told.dropped(),
        skips=("overtaken by remember",),  # what is remembered after it is a new session
    ),
    Operation("export", _export),
    Operation(
        "restore",
        _restore,
        session="copy",
        opens=True,
        skips=("overtaken by forget",),  # the file has the turn, and so has the copy
    ),
    Operation("check", _acting("check")),
    Operation("check and repair", _acting("check", repair=True)),
    Operation("repair", _acting("check", repair=True), life="damaged"),
    Operation("recall", _acting("recall", sentence(13), k=8)),
    Operation("context", _acting("context", sentence(13), budget=600)),
    Operation("read", _acting("read", "0000004")),
    Operation("stats", _acting("stats")),
    Operation(
        "remember and close", _close, lambda t: t.add(*NEW[:2]), opens=True, is_background=True
    ),
]

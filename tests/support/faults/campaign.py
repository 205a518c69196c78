"""Random lives: two memories of a session take turns at operations, and faults come at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

from optical_memory import OpticalMemory
from optical_memory.errors import Forgotten, OpticalMemoryError
from support.faults.checker import left_behind, problems_of
from support.faults.fault_point import FaultPoint, Mode
from support.faults.faulty_store import faulty
from support.faults.lives import open_memory
from support.faults.places import Place
from support.faults.readings import wrong_readings
from support.faults.runs import Run
from support.faults.told import Told, turn

__all__ = ["random_runs"]

N_STEPS = 14
"""Operations of a life."""

MODES: tuple[Mode, ...] = ("refused", "lost answer", "down", "timeout")


def random_runs(place: Place, n_lives: int, seed: int) -> Iterator[Run]:
    """So many random lives, each a run."""
    for i in range(n_lives):
        life = _Life(place, random.Random(f"{seed} {i}"))
        yield Run("random life", place.name, "random faults", i, True, life.live())


class _Life:
    """Two memories, each with a store of its own, beside everything that they were told."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        place.begin("")
        self._place = place
        self._chance = chance
        self._told = Told()
        self._n = 0
        self._problems: list[str] = []
        self._points = [FaultPoint("refused", 0), FaultPoint("refused", 0)]
        self._stores = [faulty(place.store(), point) for point in self._points]
        self._memories = [open_memory(store) for store in self._stores]

    def live(self) -> list[str]:
        try:
            for _ in range(N_STEPS):
                self._step()
            self._end()
        except Exception as error:  # noqa: BLE001  any error is what we look for
            self._problems.append(f"{type(error).__name__}: {error}")
        for memory, store in zip(self._memories, self._stores, strict=True):
            with suppress(OpticalMemoryError):
                memory.close()
            store.close()
        return self._problems

    def _step(self) -> None:
        """An operation of either memory, with a fault in it or without; then again without."""
        who = self._chance.randrange(2)
        operations = [
            self._remember,
            self._remember,
            self._edit,
            self._forget,
            self._flush,
            self._fade,
            self._seal,
            self._recall,
            self._check,
            self._evict,
            self._reopen,
            self._forget_page,
        ]
        act = self._chance.choice(operations)
        state = self._chance.getstate()
        if self._chance.random() < 0.5:
            self._arm(who)
            again = self._chance.getstate()
            self._chance.setstate(state)
            with suppress(OpticalMemoryError, Forgotten):
                act(self._memories[who], finishes=False)
            self._points[who].is_armed = False
            if self._chance.random() < 0.3:  # or as another process, after this one
                who = 1 - who
            self._chance.setstate(state)
            act(self._memories[who], finishes=True)
            self._chance.setstate(again)
            return
        act(self._memories[who], finishes=True)

    def _arm(self, who: int) -> None:
        point = self._points[who]
        point.mode = self._chance.choice(MODES)
        point.number = self._chance.randint(1, 12)
        point.n_steps = 0
        point.is_armed = True

    def _some_id(self) -> str | None:
        ids = sorted(self._told.versions)
        return self._chance.choice(ids) if ids else None

    def _remember(self, memory: OpticalMemory, *, finishes: bool) -> None:
        turns = [
            turn(self._n + i, n_sentences=self._chance.choice([1, 1, 1, 9]))
            for i in range(self._chance.randint(1, 9))
        ]
        memory.remember(turns)
        if finishes:
            self._told = self._told.add(*turns)
            self._n += len(turns)

    def _edit(self, memory: OpticalMemory, *, finishes: bool) -> None:
        id = self._some_id()
        if id is not None and len(self._told.versions[id]) < 9:
            edited = turn(int(id[1:]), len(self._told.versions[id]))
            memory.remember(edited)
            if finishes:
                self._told = self._told.add(edited)

    def _forget(self, memory: OpticalMemory, *, finishes: bool) -> None:
        id = self._some_id()
        if id is None:
            return
        with suppress(Forgotten):
            memory.forget(turn=id)
        if finishes:
            self._told = self._told.without(id)

    def _forget_page(self, memory: OpticalMemory, *, finishes: bool) -> None:
        """Forget the text of a page: its turns may then have lost some of theirs."""
        pages = memory.pages()
        if not pages or self._chance.random() < 0.6:
            return
        page = self._chance.choice(pages)
        layout = memory.inspect(page.id).layout
        self._told = self._told.faded(*(self._hosts_on(memory, layout)))
        with suppress(Forgotten):
            memory.forget(page=page.id)

    @staticmethod
    def _hosts_on(memory: OpticalMemory, layout: object) -> list[str]:
        spans = getattr(layout, "spans", ())
        return [span.turn.partition("~")[0] for span in spans]

    def _flush(self, memory: OpticalMemory, *, finishes: bool) -> None:
        memory.flush()

    def _seal(self, memory: OpticalMemory, *, finishes: bool) -> None:
        memory.seal()

    def _fade(self, memory: OpticalMemory, *, finishes: bool) -> None:
        capacity = self._chance.choice([400, 250, 250, 60])
        if memory.plan(capacity).loses:
            if self._chance.random() < 0.7:
                return
            self._told = self._told.faded()
        memory.fade(capacity)

    def _recall(self, memory: OpticalMemory, *, finishes: bool) -> None:
        id = self._some_id()
        if id is not None:
            memory.recall(self._told.versions[id][-1], k=4)

    def _check(self, memory: OpticalMemory, *, finishes: bool) -> None:
        problems = memory.check(repair=self._chance.random() < 0.5)
        if finishes:
            self._problems += [f"check says {p}" for p in problems if "cut short" not in p]

    def _evict(self, memory: OpticalMemory, *, finishes: bool) -> None:
        memory.store.drop_blobs("alice")

    def _reopen(self, memory: OpticalMemory, *, finishes: bool) -> None:
        who = self._memories.index(memory)
        memory.close()
        self._memories[who] = open_memory(self._stores[who])

    def _end(self) -> None:
        memory = self._memories[0]
        memory.check(repair=True)
        self._problems += [f"check says {problem}" for problem in memory.check()]
        raw = self._place.raw()
        self._problems += problems_of(raw, self._told)
        self._problems += left_behind(raw, self._told)
        if raw.exists:
            self._problems += wrong_readings(memory, raw, self._told)

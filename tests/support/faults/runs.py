"""A run: a life, an operation with a fault in it, then everything that must hold."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import Forgotten, OpticalMemoryError
from support.faults.checker import left_behind, problems_of
from support.faults.lives import NEXT, open_memory
from support.faults.operations import Operation, Scene
from support.faults.places import Place
from support.faults.raw_session import RawSession, from_zip
from support.faults.readings import wrong_readings
from support.faults.seams import Fault, Seam, seams_of
from support.faults.told import Told

__all__ = [
    "CALL_LIMIT",
    "Run",
    "runs_of",
    "sampled_runs",
]

CALL_LIMIT = 2.5
"""Seconds that no call may take, whatever fails."""

LAST = Turn("user", "Violins of the museum play at midnight, says Ottokar.", id=f"m{NEXT + 19}")
"""A turn that every session takes after its fault."""

_states_read_well: set[int] = set()

MOST_POINTS = 400
"""No operation has so many steps; more would be a loop that never ends."""


@dataclass
class Run:
    """How a run went: its fault's point, whether the fault came, and what was wrong."""

    operation: str
    store: str
    seam: str
    number: int
    has_fired: bool
    problems: list[str] = field(default_factory=list)


def runs_of(
    place: Place, lives: dict[str, Told], operation: Operation, seam: Seam
) -> Iterator[Run]:
    """A run for each point of the operation at which this fault can come."""
    for number in range(1, MOST_POINTS):
        run = _Attempt(place, lives, operation, seam.fault(number), number).run()
        result = Run(operation.name, place.name, seam.name, number, *run)
        if result.has_fired or not seam.has_points or result.problems:
            yield result
        if not result.has_fired or not seam.has_points:
            return
    raise AssertionError(f"{operation.name} has no end of points at {seam.name}")


def sampled_runs(
    place: Place, lives: dict[str, Told], operation: Operation, n_runs: int
) -> Iterator[Run]:
    """So many runs of the operation with faults at random, the same ones every time."""
    chance = random.Random(f"{operation.name} {place.name}")
    seams = [seam for seam in seams_of(place) if seam.name not in operation.skips]
    for seam in chance.sample(seams, n_runs):
        number = chance.randint(1, 8)
        has_fired = False
        while number and not has_fired:  # an operation of fewer steps: an earlier step
            has_fired, problems = _Attempt(
                place, lives, operation, seam.fault(number), number
            ).run()
            if has_fired or problems or not seam.has_points:
                yield Run(operation.name, place.name, seam.name, number, has_fired, problems)
            number //= 2


class _Attempt:
    """A run in the making."""

    def __init__(
        self,
        place: Place,
        lives: dict[str, Told],
        operation: Operation,
        fault: Fault,
        number: int,
    ) -> None:
        self._place = place
        self._operation = operation
        self._fault = fault
        self._before = lives.get(operation.life, Told())
        self._life = self._before
        self._problems: list[str] = []
        self._is_done = False
        self._digests: list[str] = []
        # Background work is ended in some runs of every operation, and of its own in all.
        self._is_busy = operation.is_background or number % 8 == 0

    def run(self) -> tuple[bool, list[str]]:
        place = self._place
        place.begin(self._operation.life)
        if self._operation.life:
            self._digests = _digests(place.raw(), self._operation.after(self._before))
        if self._fault.is_deadly:
            has_fired = self._act_in_child()
        else:
            self._act()
            has_fired = self._fault.has_fired
        self._fault.recover(place)
        if has_fired:
            self._before = self._fault.after(self._before)
        self._finish(self._look_at_once())
        return has_fired, self._problems

    # ---- the fault -------------------------------------------------------------------------------

    def _act(self) -> None:
        n_threads = threading.active_count()
        with self._fault.around():
            scene = Scene(
                self._fault.store(self._place), self._place.folder, self._operation.settings
            )
            try:
                if not self._operation.opens:
                    scene.open().pages()
                self._fault.arm()
                self._time("the operation", lambda: self._operation.act(scene))
                self._is_done = True
            except (OpticalMemoryError, Forgotten):
                pass
            except Exception as error:  # noqa: BLE001  any other error is what we look for
                self._problems.append(f"an error of another kind: {type(error).__name__}: {error}")
            if scene.memory is not None:
                with suppress(OpticalMemoryError):
                    self._time("close", scene.memory.close)
            self._fault.disarm()
            scene.store.close()
        self._note_threads(n_threads)

    def _note_threads(self, n_before: int) -> None:
        own = [t.name for t in threading.enumerate() if t.name.startswith("optical-memory ")]
        if own:
            self._problems.append(f"threads are left: {own}")

    def _act_in_child(self) -> bool:
        """Act in a process that the fault kills; False if the fault never came."""
        child = os.fork()
        if child == 0:
            try:
                with self._fault.around():
                    scene = Scene(
                        self._fault.store(self._place), self._place.folder, self._operation.settings
                    )
                    if not self._operation.opens:
                        scene.open().pages()
                    self._fault.arm()
                    self._operation.act(scene)
                os._exit(0)
            except BaseException as error:  # noqa: BLE001  the parent counts it
                os.write(2, f"the child failed: {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return True
        self._is_done = status == 0
        if status:
            self._problems.append("the process failed before it was killed")
        return False

    def _time(self, name: str, act: Callable[[], Any]) -> Any:
        start = time.monotonic()
        try:
            return act()
        finally:
            seconds = time.monotonic() - start
            if seconds > CALL_LIMIT:
                self._problems.append(f"{name} took {seconds:.1f} s")

    # ---- what must hold --------------------------------------------------------------------------

    @property
    def _after(self) -> Told:
        return self._operation.after(self._before)

    def _look_at_once(self) -> RawSession:
        """The records are those of before or of after, whatever happened."""
        raw = self._place.raw()
        if self._operation.session != "alice":
            return raw
        if self._is_done:
            self._problems += problems_of(raw, self._after)
            return raw
        states = [problems_of(raw, told) for told in (self._after, self._before)]
        if all(states):
            self._problems += [f"at once: {p}" for p in min(states, key=len)]
        return raw

    def _finish(self, raw: RawSession) -> None:
        """Another process comes, says what is wrong, ends what was begun, and goes on."""
        store = self._place.store()
        memory = open_memory(store, **self._operation.settings)
        try:
            self._tells_what_is_left(memory, raw)
            scene = Scene(store, self._place.folder, self._operation.settings, memory)
            self._operation.act(scene)
            if self._is_busy:
                memory.flush()
            self._problems += [f"check says {s}" for s in memory.check()]
            told = self._after
            if self._operation.session == "alice":
                self._read_again(memory, told)
            memory.remember(LAST)
            if not any(LAST.text in p.text for p in memory.recall("violins of the museum")):
                self._problems.append("the session does not go on")
        except Exception as error:  # noqa: BLE001  nothing may fail without a fault
            self._problems.append(f"afterwards: {type(error).__name__}: {error}")
        finally:
            memory.close()
            store.close()
        self._look_at_last()

    def _read_again(self, memory: OpticalMemory, told: Told) -> None:
        """Read every page, unless a run has read these very records and tokens."""
        raw = self._place.raw(is_in_use=True)
        content = [
            [{**record, "digest": ""} for record in raw.values(kind).values()]
            for kind in ("turn", "page")
        ]
        state = hash(str((content, raw.records.get("picture"), told, self._fault.spoils_tokens)))
        if state not in _states_read_well:
            problems = wrong_readings(memory, raw, told)
            self._problems += problems
            if not problems:
                _states_read_well.add(state)

    def _tells_what_is_left(self, memory: OpticalMemory, raw: RawSession) -> None:
        """If its records are gone, what is left of a forget is told by `check`, or mended."""
        told = self._after
        if not told.forgotten or problems_of(raw, told):
            return
        rest = left_behind(raw, told, self._digests)
        if rest and not self._is_done and not memory.check():  # it may have finished by itself
            rest = left_behind(self._place.raw(is_in_use=True), told, self._digests)
            self._problems += [f"silently: {problem}" for problem in rest]
        elif rest and self._is_done:
            self._problems += [f"silently: {problem}" for problem in rest]

    def _look_at_last(self) -> None:
        operation = self._operation
        told = self._after
        if told.is_dropped:
            told = Told(forgotten=told.forgotten)
        raw = self._place.raw()
        self._problems += problems_of(raw, told.add(LAST))
        self._problems += left_behind(raw, told, self._digests)
        if operation.session != "alice":
            copy = self._place.raw(operation.session)
            self._problems += problems_of(copy, self._life)
        if operation.name == "export":
            path = self._place.folder / "alice.zip"
            self._problems += problems_of(from_zip(path), self._before)
            path.unlink()


def _digests(raw: RawSession, after: Told) -> list[str]:
    """The digests that must go with the forgotten turns, and with the pages they stood on."""
    digests: list[str] = []
    ids = set(after.forgotten)
    pages: set[str] = set()
    for turn_record in raw.values("turn").values():
        host_id = turn_record.get("host_id") or turn_record["id"]
        if host_id in ids and turn_record.get("digest"):
            digests.append(turn_record["digest"])
            pages.update(turn_record.get("pages", []))
    for id, page in raw.values("page").items():
        if id in pages and page.get("digest"):
            digests.append(page["digest"])
    return digests

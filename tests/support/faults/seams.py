"""The seams at which faults come, and what each may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from optical_memory.errors import OpticalMemoryError
from optical_memory.stores import Store
from support.faults.fault_point import FaultPoint
from support.faults.faulty_store import faulty
from support.faults.lives import NEXT, open_memory
from support.faults.places import Place, ValkeyPlace
from support.faults.redis_socket import socket_faults
from support.faults.sqlite_disk import Disk, disk_faults
from support.faults.told import Told, turn

__all__ = [
    "SEAMS",
    "Fault",
    "Seam",
    "seams_of",
]


class Fault(Protocol):
    """A fault that waits for its point."""

    is_deadly: bool  # the process ends at it
    spoils_tokens: bool  # cached tokens may be wrong, so every reading counts

    def around(self) -> Any: ...

    def store(self, place: Place) -> Store: ...

    def arm(self) -> None: ...

    def disarm(self) -> None: ...

    @property
    def has_fired(self) -> bool: ...

    def recover(self, place: Place) -> None: ...

    def after(self, told: Told) -> Told: ...


class _PointFault:
    """A fault at a `FaultPoint`."""

    spoils_tokens = False

    def __init__(self, point: FaultPoint) -> None:
        self.point = point
        self.is_deadly = point.mode.startswith("killed")

    @contextmanager
    def around(self) -> Iterator[None]:
        yield

    def store(self, place: Place) -> Store:
        return faulty(place.store(), self.point)

    def arm(self) -> None:
        self.point.is_armed = True

    def disarm(self) -> None:
        self.point.is_armed = False

    @property
    def has_fired(self) -> bool:
        return self.point.has_fired

    def recover(self, place: Place) -> None:
        """Nothing is broken but what the point broke."""

    def after(self, told: Told) -> Told:
        return told


class _CacheFault(_PointFault):
    """A cache that is spoilt all the time: it has no point of its own."""

    spoils_tokens = True

    def __init__(self, spoils: str) -> None:
        super().__init__(FaultPoint("refused", 0))
        self._spoils = spoils

    def store(self, place: Place) -> Store:
        return faulty(place.store(), self.point, self._spoils)


class _Overtaken(_PointFault):
    """Another process does something at the point, on a store of its own."""

    def __init__(self, number: int, act: Callable[[Store], None], after: Callable[[Told], Told]):
        super().__init__(FaultPoint("overtaken", number))
        self._act = act
        self._after = after

    def store(self, place: Place) -> Store:
        def other() -> None:
            store = place.store()
            self._act(store)
            store.close()

        self.point.other = other
        return faulty(place.store(), self.point)

    def after(self, told: Told) -> Told:
        return self._after(told)


class _DiskFault:
    """A fault of SQLite's own disk."""

    spoils_tokens = False

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.is_deadly = disk.mode in ("torn", "power cut", "killed", "killed after")

    def around(self) -> Any:
        return disk_faults(self.disk)

    def store(self, place: Place) -> Store:
        return place.store()

    def arm(self) -> None:
        self.disk.is_armed = True

    def disarm(self) -> None:
        self.disk.is_armed = False

    @property
    def has_fired(self) -> bool:
        return self.disk.has_fired

    def recover(self, place: Place) -> None:
        """The disk works again when nobody is around it."""

    def after(self, told: Told) -> Told:
        return told


class _SocketFault(_PointFault):
    """A fault of the connection to a server."""

    def around(self) -> Any:
        return socket_faults(self.point)

    def store(self, place: Place) -> Store:
        return place.store()


class _ServerKilled(_SocketFault):
    """The server ends by signal 9 at a step of the connection, and comes back on its data."""

    def __init__(self, number: int, *, is_back_at_once: bool) -> None:
        super().__init__(FaultPoint("overtaken", number))
        self._is_back_at_once = is_back_at_once

    def store(self, place: Place) -> Store:
        assert isinstance(place, ValkeyPlace)

        def kill() -> None:
            place.kill()
            if self._is_back_at_once:
                place.start_again()

        self.point.other = kill
        return place.store()

    def recover(self, place: Place) -> None:
        assert isinstance(place, ValkeyPlace)
        place.revive()


def _remember(store: Store) -> None:
    open_memory(store).remember(turn(NEXT + 7))


def _forget(store: Store) -> None:
    memory = open_memory(store)
    if memory.stats().turns > 30:
        memory.forget(turn="m16")


def _work(store: Store) -> None:
    with suppress(OpticalMemoryError), open_memory(store) as memory:
        memory.flush()
        if memory.stats().turns > 30 and not memory.plan(310).loses:
            memory.fade(310)


def _drop_blobs(store: Store) -> None:
    store.drop_blobs("alice")


def _without_m16(told: Told) -> Told:
    return told.without("m16") if "m16" in told.versions else told


@dataclass(frozen=True)
class Seam:
    """`fault(number)` gives the fault at the N-th step; with `has_points` there are many steps."""

    name: str
    stores: tuple[str, ...]
    fault: Callable[[int], Fault]
    has_points: bool = True


def _calls(mode: Any) -> Callable[[int], Fault]:
    return lambda number: _PointFault(FaultPoint(mode, number))


def _disk(mode: Any, *, for_ever: bool = False) -> Callable[[int], Fault]:
    return lambda number: _DiskFault(Disk(mode, number, for_ever=for_ever))


def _sockets(mode: Any) -> Callable[[int], Fault]:
    return lambda number: _SocketFault(FaultPoint(mode, number))


BOTH: Final = ("SQLite", "Valkey")
SQLITE: Final = ("SQLite",)
VALKEY: Final = ("Valkey",)

SEAMS = [
    Seam("call refused", BOTH, _calls("refused")),
    Seam("call's answer lost", BOTH, _calls("lost answer")),
    Seam("calls fail for ever", BOTH, _calls("down")),
    Seam("call timed out", BOTH, _calls("timeout")),
    Seam("killed before a call", BOTH, _calls("killed")),
    Seam("killed after a call", BOTH, _calls("killed after")),
    Seam(
        "overtaken by remember",
        BOTH,
        lambda n: _Overtaken(n, _remember, lambda told: told.add(turn(NEXT + 7))),
    ),
    Seam("overtaken by forget", BOTH, lambda n: _Overtaken(n, _forget, _without_m16)),
    Seam("overtaken by background", BOTH, lambda n: _Overtaken(n, _work, lambda told: told)),
    Seam("overtaken by eviction", BOTH, lambda n: _Overtaken(n, _drop_blobs, lambda told: told)),
    Seam("cache drops", BOTH, lambda _: _CacheFault("drops"), has_points=False),
    Seam("cache tears", BOTH, lambda _: _CacheFault("tears"), has_points=False),
    Seam("cache swaps", BOTH, lambda _: _CacheFault("swaps"), has_points=False),
    Seam("cache fails", BOTH, lambda _: _CacheFault("fails"), has_points=False),
    Seam("disk full once", SQLITE, _disk("full")),
    Seam("disk full", SQLITE, _disk("full", for_ever=True)),
    Seam("disk broken once", SQLITE, _disk("broken")),
    Seam("disk broken", SQLITE, _disk("broken", for_ever=True)),
    Seam("disk read-only", SQLITE, _disk("read-only", for_ever=True)),
    Seam("killed in a torn write", SQLITE, _disk("torn")),
    Seam("killed before a write", SQLITE, _disk("killed")),
    Seam("killed after a write", SQLITE, _disk("killed after")),
    Seam("power cut", SQLITE, _disk("power cut")),
    Seam("connection broke once", VALKEY, _sockets("refused")),
    Seam("connection broke after", VALKEY, _sockets("lost answer")),
    Seam("connection broken", VALKEY, _sockets("down")),
    Seam("killed before a send", VALKEY, _sockets("killed")),
    Seam("killed after a send", VALKEY, _sockets("killed after")),
    Seam("server killed", VALKEY, lambda n: _ServerKilled(n, is_back_at_once=False)),
    Seam("server restarted", VALKEY, lambda n: _ServerKilled(n, is_back_at_once=True)),
]


def seams_of(place: Place) -> list[Seam]:
    return [seam for seam in SEAMS if place.name in seam.stores]

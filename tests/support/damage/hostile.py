"""Records made wrong by hand in each field, with checksums that match.

    python -m support.damage.hostile --store sqlite --share 1.0

Run it with `tests` on the path. Whatever a field says, no call raises an error that is not ours or
takes long, and pages that nobody touched are read.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.errors import NewerFormat, OpticalMemoryError
from optical_memory.search.segment import SEGMENT_TYPES
from optical_memory.search.segment_bytes import segment_from_bytes
from optical_memory.stores import Put
from optical_memory.stores.protection.checksums import Checksums
from support.damage.flips import opened_store
from support.damage.observe import look
from support.damage.sessions import SESSION, SHAPES, Sample, sample

SUMS = Checksums()
LONGEST = 20.0  # seconds of CPU that all calls may take together; they take about 0.1

DEEP: Any = json.loads("[" * 900 + "]" * 900)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    7,
    2**31,
    2**53,
    2**63,
    10**30,
    -(2**63),
    1e308,
    0.5,
    "",
    "x",
    "0000001",
    "\udc80",
    "id3",
    [],
    [[]],
    [None],
    [1, 2],
    {},
    {"x": 1},
    {"x": {"y": 10**9}},
    DEEP,
)

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Forgery:
    """A record with one part replaced."""

    kind: str
    key: str
    part: str
    value: str
    build: Callable[[], bytes]

    @cached_property
    def data(self) -> bytes:
        """The record as the store gets it, with its sum."""
        return SUMS.wrap(SESSION, self.kind, self.key, self.build())  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.part} = {self.value[:60]}"


def forgeries(whole: Sample) -> Iterator[Forgery]:
    """Every part of every kind of record, replaced by every value."""
    known: set[tuple[str, ...]] = set()
    for put in whole.records:
        if put.kind == "picture":
            continue
        value = SUMS.unwrap(SESSION, put.kind, put.key, put.value)
        if put.kind == "index":
            yield from _of_segment(put, value)
            continue
        record = json.loads(value)
        state = str(record.get("state", "")) + str(record.get("sealed", ""))
        for path in _paths(record):
            general = (put.kind, state, *(str(step) for step in path))
            if general not in known:
                known.add(general)
                yield from _of_part(put, record, path)
        yield from _of_whole(put, record, state, known)


def _paths(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path:
        yield path
    if isinstance(value, dict):
        for name in list(value)[:24]:
            yield from _paths(value[name], (*path, name))
    elif isinstance(value, list) and value:
        yield from _paths(value[0], (*path, 0))


def _of_part(put: Put, record: Any, path: Path_) -> Iterator[Forgery]:
    for value in VALUES:
        shown = "deep" if value is DEEP else repr(value)
        build = partial(_replaced, record, path, value)
        yield Forgery(put.kind, put.key, ".".join(map(str, path)), shown, build)


def _replaced(record: Any, path: Path_, value: Any) -> bytes:
    """The JSON of a record with one part replaced."""
    forged = json.loads(json.dumps(record))
    place = forged
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(forged, allow_nan=True).encode()


def _of_whole(put: Put, record: Any, state: str, known: set[tuple[str, ...]]) -> Iterator[Forgery]:
    """The record without a field, and under another key."""
    general = (put.kind, state, "whole")
    if general in known:
        return
    known.add(general)
    for name in record:
        rest = {key: value for key, value in record.items() if key != name}
        yield Forgery(put.kind, put.key, f"without {name}", "", partial(_dumped, rest))
    keys = ("abc", "000000001", "0000001", "-1", "", "000000900", "0000900", "٣", "1e9", "\udc80")
    for key in keys:
        yield Forgery(put.kind, key, "key of", put.key, partial(_dumped, record))


def _dumped(record: Any) -> bytes:
    return json.dumps(record).encode()


def _of_segment(put: Put, value: bytes) -> Iterator[Forgery]:
    """The first number of each array of a part of the index, and each field of its header."""
    line, _, rest = value.partition(b"\n")
    header = json.loads(line)
    for path in _paths(header):
        for hostile in VALUES:
            text = _replaced(header, path, hostile).ljust(len(line))
            yield _segment(put, f"header {path}", repr(hostile)[:40], text + b"\n" + rest)
    segment = segment_from_bytes(value)
    offset = len(line) + 1
    for name in SEGMENT_TYPES:
        array = getattr(segment, name)
        kind = np.dtype(SEGMENT_TYPES[name])
        if len(array):
            for number in (np.iinfo(kind).min, np.iinfo(kind).max, 1, 0, np.iinfo(kind).max // 2):
                forged_bytes = bytearray(value)
                start = offset + (len(array) // 2) * kind.itemsize
                forged_bytes[start : start + kind.itemsize] = np.array([number], kind).tobytes()
                yield _segment(put, f"array {name}", str(number), bytes(forged_bytes))
        offset += array.nbytes
        offset += -offset % 8


def _segment(put: Put, part: str, value: str, data: bytes) -> Forgery:
    return Forgery("index", put.key, part, value, lambda: data)


def try_forgery(whole: Sample, forgery: Forgery) -> list[str]:
    """The faults that a memory has with this forgery."""
    change = Put(forgery.kind, forgery.key, forgery.data)  # type: ignore[arg-type]
    whole.store.commit(SESSION, [change])
    start = time.process_time()
    try:
        faults = _faults(whole, forgery)
    finally:
        whole.restore()
    seconds = time.process_time() - start
    return [*faults, f"took {seconds:.0f} s"] if seconds > LONGEST else faults


def _faults(whole: Sample, forgery: Forgery) -> list[str]:
    faults: list[str] = []
    memory = whole.opened()
    for name, call in _calls(memory):
        try:
            call()
        except (OpticalMemoryError, Forgotten):
            continue
        except Exception as error:  # noqa: BLE001  (any error that is not ours is a fault)
            faults.append(f"{name} raised {_where(error)}")
    memory._worker.stop()  # thousands of threads are too many
    return faults or _unread_pages(whole, forgery)


def _calls(memory: OpticalMemory) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "look", lambda: look(memory)
    yield "context", lambda: memory.context("plums from Tirana")
    yield "stats", memory.stats
    yield "plan", lambda: memory.plan(100)
    yield "export", lambda: _export(memory)
    yield "check", memory.check
    yield "remember", lambda: memory.remember(Turn("user", "A word more."))
    yield "forget", lambda: memory.forget(turn="id2")
    yield "flush", memory.flush
    yield "fade", lambda: memory.fade(100)
    yield "repair", lambda: memory.check(repair=True)
    yield "look after repair", lambda: look(memory)
    yield "repair again", lambda: _second_check(memory)


def _second_check(memory: OpticalMemory) -> None:
    first = memory.check(repair=True)
    second = memory.check(repair=True)
    if first != second:
        raise AssertionError(f"repair is not idempotent: {first} then {second}")
    mendable = [sentence for sentence in second if "repair" in sentence]
    if mendable:
        raise AssertionError(f"repair mends nothing: {mendable}")


def _export(memory: OpticalMemory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory.export(Path(folder) / "session.zip")


def _unread_pages(whole: Sample, forgery: Forgery) -> list[str]:
    """Pages that nobody touched, and that are not read any more."""
    whole.restore()
    base = look(whole.opened())
    change = Put(forgery.kind, forgery.key, forgery.data)  # type: ignore[arg-type]
    whole.store.commit(SESSION, [change])
    try:
        errors = look(whole.opened()).errors
    except NewerFormat:  # nothing of the session is read, and that is told
        return []
    return [
        f"page {name} is not read: {error}"
        for (kind, name), error in errors.items()
        if kind == "page" and (kind, name) not in base.errors and name != forgery.key
    ]


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "optical_memory" in code.co_filename or "support" not in code.co_filename:
            place = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{error!r:.200} at {place}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="sqlite")
    parser.add_argument("--share", type=float, default=1.0, help="of all forgeries, chosen by seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    logging.getLogger("optical_memory").setLevel(logging.CRITICAL)
    rnd = random.Random(options.seed)
    n_faults = 0
    for shape in options.shapes.split(","):
        with opened_store(options.store) as store:
            whole = sample(store, shape)
            n_tried = 0
            kinds: Counter[str] = Counter()
            for forgery in forgeries(whole):
                if rnd.random() >= options.share:
                    continue
                n_tried += 1
                for fault in try_forgery(whole, forgery):
                    kinds[fault[:110]] += 1
                    if kinds[fault[:110]] <= 2:
                        print(f"FAULT {shape}: {forgery}: {fault[:400]}", flush=True)
            n_faults += sum(kinds.values())
            print(f"{options.store} {shape}: {n_tried} forgeries, {sum(kinds.values())} faults")
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())

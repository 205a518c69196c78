"""Flips single bits in everything that a store holds, and looks at what a memory then says.

    python -m support.damage.flips --flips 10000 --store redis://localhost:6379

Run it with `tests` on the path. It prints a line for each kind of value, and exits with 1 if a flip
was told as sure text, changed something without a word, or raised an error that is not ours.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optical_memory.stores import Put, RedisStore, Store, open_store
from optical_memory.stores.private_server import private_server
from support.damage.observe import Look, lies, look
from support.damage.sessions import SESSION, SHAPES, Sample, sample


@dataclass(frozen=True)
class Flip:
    """A bit of a value: `kind` is that of the record, or "blob"."""

    kind: str
    key: str
    bit: int

    def __str__(self) -> str:
        return f"{self.kind} {self.key} bit {self.bit}"


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def some_flips(sample: Sample, n: int, seed: int) -> list[Flip]:
    """As many flips of each kind of record, and of blobs, spread over all values."""
    rnd = random.Random(seed)
    values = [(put.kind, put.key, put.value) for put in sample.records]
    values += [("blob", key, value) for key, value in sample.blobs.items()]
    kinds = sorted({kind for kind, *_ in values})
    flips: list[Flip] = []
    for i in range(n):
        kind = kinds[i % len(kinds)]
        _, key, value = rnd.choice([value for value in values if value[0] == kind])
        # Half of the flips are among the first bytes, where heads and sums are.
        n_bits = 8 * (min(len(value), 64) if rnd.random() < 0.5 else len(value))
        flips.append(Flip(kind, key, rnd.randrange(n_bits)))
    return flips


def try_flip(sample: Sample, base: Look, flip: Flip) -> tuple[str, list[str]]:
    """("told", "harmless" or "wrong", and why it is wrong)."""
    if flip.kind == "blob":
        sample.store.put_blobs(SESSION, {flip.key: flipped(sample.blobs[flip.key], flip.bit)})
    else:
        (old,) = [p for p in sample.records if (p.kind, p.key) == (flip.kind, flip.key)]
        sample.store.commit(SESSION, [Put(old.kind, old.key, flipped(old.value, flip.bit))])
    try:
        return verdict(sample, base)
    finally:
        if flip.kind == "blob":
            sample.store.put_blobs(SESSION, {flip.key: sample.blobs[flip.key]})
        else:
            sample.store.commit(SESSION, [old])


def verdict(sample: Sample, base: Look) -> tuple[str, list[str]]:
    memory = sample.opened()
    try:
        now = look(memory)
        problems = memory.check()
    except Exception as error:  # noqa: BLE001  (any error that is not ours is a fault)
        return "wrong", [f"raised {error!r}"]
    reasons = lies(sample, base, now)
    if reasons:
        return "wrong", reasons
    if problems or now.errors != base.errors:
        return "told", []
    if now.said == base.said:
        return "harmless", []
    names = [name for name in base.said if base.said[name] != now.said.get(name)]
    return "wrong", [f"changed without a word: {names}"]


def with_blobs(sample: Sample) -> Sample:
    """The sample with the tokens that its store has cached now."""
    memory = sample.opened()
    profile = memory.reader.profile
    blobs: dict[str, bytes] = {}
    for record in memory._archive.snapshot().pages.values():
        for rung in profile.ladder:
            key = memory._cache._key(record, rung)
            (blob,) = sample.store.get_blobs(SESSION, [key])
            if blob is not None:
                blobs[key] = blob
    return Sample(sample.store, sample.shape, sample.records, blobs, sample.turns, sample.pages)


def campaign(
    store: Store, shape: str, n: int, seed: int
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """How often each kind of value had each verdict, and the faults."""
    whole = with_blobs(sample(store, shape))
    base = look(whole.opened())
    counts: Counter[tuple[str, str]] = Counter()
    faults: list[str] = []
    for flip in some_flips(whole, n, seed):
        outcome, reasons = try_flip(whole, base, flip)
        counts[flip.kind, outcome] += 1
        faults += [f"{shape}: {flip}: {reason}" for reason in reasons]
    store.drop(SESSION)
    return counts, faults


@contextmanager
def opened_store(url: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        if url == "sqlite":
            store = open_store(f"sqlite:///{folder}/memory.db")
            yield store
            store.close()
        elif url == "redis":
            with private_server(Path(folder)) as server:
                store = RedisStore(server, deadline=10.0)  # a busy machine is no damage
                yield store
                store.close()
        else:
            store = open_store(url)
            yield store
            store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--store", default="sqlite", help="sqlite, redis (a server of its own) or a URL"
    )
    parser.add_argument("--shapes", default=",".join(SHAPES))
    options = parser.parse_args()
    logging.getLogger("optical_memory").setLevel(logging.CRITICAL)
    shapes = options.shapes.split(",")
    n_faults = 0
    for shape in shapes:
        with opened_store(options.store) as store:
            counts, faults = campaign(store, shape, options.flips // len(shapes), options.seed)
        n_faults += len(faults)
        print(f"{options.store} {shape}: {sum(counts.values())} flips, {len(faults)} faults")
        for (kind, outcome), n in sorted(counts.items()):
            print(f"  {kind:8} {outcome:8} {n}")
        for fault in faults[:20]:
            print("  FAULT", fault[:300])
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""A process that does its steps on a shared session: `python -m support.faults.worker URL WHO SEED
FIRST`.

Writes the number of each step to standard output when it is done. What it does follows from the
seed alone, so another process can go on for it.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import Forgotten
from optical_memory.stores import open_store
from support.faults.lives import open_memory
from support.faults.told import Told, sentence, turn
from support.readers.other_ladders import other_reader

__all__ = ["N_STEPS", "Step", "steps"]

N_STEPS = 24
N_PROCESSES = 2

Act = Callable[[OpticalMemory], object]


@dataclass(frozen=True)
class Step:
    """Something to do with a memory, which may be done twice; and the truth of it afterwards."""

    name: str
    act: Act
    after: Callable[[Told], Told] = lambda told: told


def steps(who: int, seed: int) -> Iterator[Step]:
    """The steps of a process: it edits and forgets its own turns, and looks at all of them."""
    chance = random.Random(f"{seed} {who}")
    n = who  # the next of its turns; each process has every second number
    versions: dict[int, int] = {}
    for _ in range(N_STEPS):
        name = chance.choice(["remember", "remember", "edit", "forget", "look", "tend"])
        if name == "remember" or not versions:
            numbers = range(n, n + N_PROCESSES * chance.randint(1, 12), N_PROCESSES)
            n = numbers[-1] + N_PROCESSES
            versions |= dict.fromkeys(numbers, 0)
            yield _remembering([turn(i, n_sentences=chance.choice([1, 1, 9])) for i in numbers])
        elif name == "edit":
            number = chance.choice(sorted(versions))
            versions[number] += 1
            yield _remembering([turn(number, versions[number])])
        elif name == "forget":
            number = chance.choice(sorted(versions))
            del versions[number]
            yield _forgetting(f"m{number}")
        elif name == "look":
            yield _looking(chance, chance.choice(sorted(versions)))
        else:
            yield _tending(chance)


def _remembering(turns: list[Turn]) -> Step:
    return Step("remember", lambda memory: memory.remember(turns), lambda told: told.add(*turns))


def _forgetting(id: str) -> Step:
    def act(memory: OpticalMemory) -> None:
        with suppress(Forgotten):  # it was done before this process was killed
            memory.forget(turn=id)

    return Step("forget", act, lambda told: told.without(id))


def _looking(chance: random.Random, number: int) -> Step:
    words = sentence(number)
    acts: dict[str, Act] = {
        "recall": lambda memory: memory.recall(words, k=5),
        "context": lambda memory: memory.context(words, budget=500),
        "read": lambda memory: [memory.read(page.id) for page in memory.pages()],
        "stats": lambda memory: memory.stats(),
    }
    name = chance.choice(list(acts))
    return Step(name, acts[name])


def _tending(chance: random.Random) -> Step:
    acts: dict[str, Act] = {
        "flush": lambda memory: memory.flush(),
        "seal": lambda memory: memory.seal(),
        "check": lambda memory: memory.check(),
        "repair": lambda memory: memory.check(repair=True),
        "evict": lambda memory: memory.store.drop_blobs(memory.session),
    }
    name = chance.choice(list(acts))
    return Step(name, acts[name])


def main() -> None:
    url, who, seed, first = sys.argv[1], *map(int, sys.argv[2:])
    logging.disable(logging.CRITICAL)  # faults are told there
    settings = {"reader": other_reader("other names")} if who % 2 else {}
    with closing(open_store(url)) as store:
        memory = open_memory(store, background=True, capacity=10**6, **settings)
        for i, step in enumerate(steps(who, seed)):
            if i >= first:
                step.act(memory)
                print(i, flush=True)
        memory.close()


if __name__ == "__main__":
    main()

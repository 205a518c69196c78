"""Kill -9 while a memory remembers, seals and certifies: no acknowledged turn is lost, and the
session checks clean.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import optical_memory
from optical_memory import OpticalMemory
from optical_memory.stores.private_server import private_server
from optical_memory.testing import TemplateReader, turn_texts

ROOT = Path(optical_memory.__file__).parents[1]

# Warms up once, then forks a writer for every URL on its standard input. A writer says its pid,
# then how many turns `remember` has acknowledged; when it is dead, the parent says so.
NURSERY = r"""
import os, sys, tempfile
import optical_memory.stores.redis, optical_memory.stores.sqlite
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader

def turn(n):
    return Turn("user", f"turn {n} keeps {n * n} and more: " + "so it goes. " * (n % 7), id=str(n))

def write(url):
    settings = {"reader": TemplateReader(), "keep_turns": 2, "capacity": 10**6}
    memory = OpticalMemory("alice", store=url, **settings)
    number = memory.stats().turns
    while True:
        memory.remember([turn(n) for n in range(number, number + 3)])
        number += 3
        os.write(1, b"%d\n" % number)

with tempfile.TemporaryDirectory() as folder:  # loads fonts and tokenizer before the first fork
    url = f"sqlite:///{folder}/m.db"
    with OpticalMemory("warm", store=url, reader=TemplateReader(), keep_turns=0) as memory:
        memory.remember([Turn("user", f"so it goes, {n} times") for n in range(40)])

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        write(line.strip())
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


class Nursery:
    """Writers that live as long as they are let."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._said = process.stdin, process.stdout

    def write_and_die(self, url: str, after: float) -> int:
        """Start a writer and kill it `after` seconds past its first acknowledged turns; how many it
        acknowledged.
        """
        print(url, file=self._orders, flush=True)
        pid = int(self._said.readline().split()[1])
        acknowledged = int(self._said.readline())
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
        for line in iter(self._said.readline, "dead\n"):
            acknowledged = int(line)
        return acknowledged


@contextmanager
def nursery() -> Iterator[Nursery]:
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def body_of(n: int) -> str:
    return f"turn {n} keeps {n * n} and more: " + "so it goes. " * (n % 7)


def assert_nothing_lost(url: str, n_acknowledged: int) -> list[str]:
    """Every acknowledged turn reads back word for word; gives the state of each page."""
    memory = OpticalMemory("alice", store=url, reader=TemplateReader(), background=False)
    try:
        assert memory.check() == []
        texts = turn_texts(memory)
        n_under_way = 3  # the batch that was being written may be there
        assert n_acknowledged <= len(texts) <= n_acknowledged + n_under_way
        assert texts == {str(n): body_of(n) for n in range(len(texts))}
        return [page.state for page in memory.pages()]
    finally:
        memory.close()


def kill_writers(urls: list[str], n_kills: int) -> None:
    """Kill writers in turn, several on each URL: every writer finds what dead writers left."""
    chance = random.Random(5)
    states: Counter[str] = Counter()
    with nursery() as writers:
        for n in range(n_kills):
            url = urls[n * len(urls) // n_kills]
            n_acknowledged = writers.write_and_die(url, chance.uniform(0, 0.25))
            states.update(assert_nothing_lost(url, n_acknowledged))
    assert states["sealed"], "no writer was killed between sealing and certifying"
    assert states["certified"], "no page was ever certified"


N_KILLS = int(os.environ.get("OPTICAL_MEMORY_KILLS", "50"))
"""Writers on SQLite that are killed; `make test-faults` kills 200."""


@pytest.mark.slow
def test_no_acknowledged_turn_is_lost_when_writers_on_sqlite_are_killed(tmp_path: Path) -> None:
    kill_writers([f"sqlite:///{tmp_path}/{n}.db" for n in range(N_KILLS // 5)], N_KILLS)


def test_no_acknowledged_turn_is_lost_when_20_writers_on_valkey_are_killed(tmp_path: Path) -> None:
    with private_server(tmp_path) as url:
        kill_writers([url], 20)

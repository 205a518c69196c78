"""Writers in processes of their own that are killed with signal 9 while they remember."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optical_memory

ROOT = Path(optical_memory.__file__).parents[1]

# Warms up once, then forks a writer for every URL on its standard input. A writer says its pid,
# then how many turns `remember` has acknowledged; when it is dead, the parent says so. The code of
# the test says what a writer remembers, with which settings, and what it does between: `turn(n)`,
# `settings()` and `rest(memory)`.
NURSERY = r"""
import os, sys, tempfile
import optical_memory.stores.redis, optical_memory.stores.sqlite
from optical_memory import OpticalMemory, Turn
from optical_memory.testing import TemplateReader

CODE

def write(url):
    memory = OpticalMemory("alice", store=url, keep_turns=2, **settings())
    number = memory.stats().turns
    while True:
        if number < MOST_TURNS:
            memory.remember([turn(n) for n in range(number, number + 3)])
            number += 3
        os.write(1, b"%d\n" % number)
        rest(memory)

with tempfile.TemporaryDirectory() as folder:  # loads fonts and tokenizer before the first fork
    url = f"sqlite:///{folder}/m.db"
    with OpticalMemory("warm", store=url, keep_turns=0, **settings()) as memory:
        memory.remember([turn(n) for n in range(40)])

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
def nursery(code: str, most_turns: int = 10**9) -> Iterator[Nursery]:
    """Writers whose `turn(n)`, `settings()` and `rest(memory)` are in `code`.

    They remember at most about `most_turns`, and go on with `rest`.
    """
    script = NURSERY.replace("CODE", code).replace("MOST_TURNS", str(most_turns))
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()

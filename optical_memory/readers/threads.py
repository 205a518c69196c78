"""How the threads of a model wait for each other. Loads no torch."""

from __future__ import annotations

import os

__all__ = ["wait_passively"]

WAIT_POLICY = "OMP_WAIT_POLICY"
"""OpenMP's own environment variable, which every OpenMP library obeys."""

SPIN_TIMES = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""The same choice in the words of GNU's library (torch for Linux brings it) and of Intel's and
LLVM's (torch for macOS and Windows).
"""


def wait_passively() -> None:
    """Let the threads of torch sleep while they wait, unless the user chose how they wait.

    Call it before torch loads: OpenMP reads the environment once, and later it is too late. It
    changes environment variables only, so processes that this process starts wait passively too.

    The reason: torch divides each operation among one thread for each core, and the threads wait
    for the last of them. By default GNU's OpenMP waits 3 ms in a loop that keeps the core busy. On
    a machine with other work the last thread has no core to run on, because its siblings spin.
    `evals/busy_cores.py` measures it.
    """
    if not any(name in os.environ for name in SPIN_TIMES):
        os.environ.setdefault(WAIT_POLICY, "PASSIVE")

"""The peak of this process's memory, watched by a thread (Linux)."""

from __future__ import annotations

import threading
from pathlib import Path

__all__ = [
    "MemoryWatcher",
]


class MemoryWatcher(threading.Thread):
    """A thread that keeps the highest figures of this process in `peaks`, in bytes (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks = {"RssAnon": 0, "VmRSS": 0}
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(0.01):
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in self.peaks:
                    self.peaks[name] = max(self.peaks[name], 1024 * int(value.split()[0]))

    def stop(self) -> None:
        self._is_over.set()
        self.join()

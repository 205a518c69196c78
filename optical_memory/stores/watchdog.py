"""A watchdog that clears up after this program, however it ends: also by a signal that kills it.

It is a small process of the shell that waits on a pipe. When the program is gone, the pipe ends;
then it ends a server and removes a folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = [
    "removed_in_the_end",
    "temporary_folder",
]

# $1: a file with the number of the server's process, or nothing. $2: the folder.
# A line on the pipe says that the program has cleared up by itself. A server that began just before
# the program ended needs a moment to write its number.
_SCRIPT: Final = """
trap '' HUP INT TERM
read -r line && exit 0
if [ -n "$1" ]; then
  for i in 1 2 3 4 5 6 7 8 9 10; do [ -s "$1" ] && break; sleep 0.1; done
  pid=$(cat "$1" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -TERM "$pid" 2>/dev/null
    for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null
  fi
fi
rm -rf -- "$2"
"""


@contextmanager
def removed_in_the_end(folder: Path, pid_file: Path | None = None) -> Iterator[None]:
    """Remove the folder at the end of the context, or when this process has ended.

    In the second case the server whose number stands in `pid_file` is ended first. A forked child
    that leaves the context removes nothing. Without a shell nobody clears up after a kill.
    """
    owner = os.getpid()
    watchdog = _start(folder, pid_file)
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
            if watchdog is not None:
                with suppress(OSError):  # somebody killed it
                    watchdog.communicate(b"done\n")


def _start(folder: Path, pid_file: Path | None) -> subprocess.Popen[bytes] | None:
    names = [str(pid_file or ""), str(folder.absolute())]
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "optical-memory-watchdog", *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # a Ctrl-C in the terminal is for the program
        )
    except OSError:
        return None


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A new folder, which its owner alone may open, and which is gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    with removed_in_the_end(folder):
        yield folder

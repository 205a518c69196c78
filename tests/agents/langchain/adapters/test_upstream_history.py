"""LangChain core's own tests of chat histories, run with ours in the place of its in-memory one.

They are in the sdist of langchain-core, which OPTICAL_MEMORY_UPSTREAM names when it is unpacked:
`pip download --no-binary :all: --no-deps langchain-core==VERSION`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = os.environ.get("OPTICAL_MEMORY_UPSTREAM")
FILES = ("chat_history/test_chat_history.py", "runnables/test_history.py")

PLUGIN = '''
import tempfile, uuid
from contextlib import contextmanager
from blockbuster.blockbuster import _skip
from langchain_core import chat_history
from optical_memory import OpticalMemory
from optical_memory.agents.langchain import OpticalChatMessageHistory
from optical_memory.testing import TemplateReader

FOLDER = tempfile.mkdtemp()
READER = TemplateReader()


@contextmanager
def blocking():
    """These tests make and read histories inside event loops, which only a list in memory may."""
    before = _skip.value
    _skip.value = True
    try:
        yield
    finally:
        _skip.value = before


class History(OpticalChatMessageHistory):
    """Ours, made and compared as the in-memory history is."""

    __doc__ = chat_history.InMemoryChatMessageHistory.__doc__

    def __init__(self, messages=()):
        store = f"sqlite:///{FOLDER}/memory.db"
        session = uuid.uuid4().hex
        with blocking():
            memory = OpticalMemory(session, store=store, reader=READER, background=False)
            super().__init__(memory)
            self.add_messages(list(messages))

    @property
    def messages(self):
        with blocking():
            return super().messages

    def __eq__(self, other):
        return self.messages == other.messages

    __hash__ = None


chat_history.InMemoryChatMessageHistory = History
'''


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="needs OPTICAL_MEMORY_UPSTREAM, the unpacked langchain-core")
def test_cores_tests_of_histories_pass_with_ours(tmp_path: Path):
    (tmp_path / "history_plugin.py").write_text(PLUGIN, encoding="utf-8")
    tests = [str(Path(FOLDER or "") / "tests/unit_tests" / name) for name in FILES]
    options = ["-p", "history_plugin", "-p", "no:cacheprovider", "-q", "-o", "addopts="]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-4000:]
    assert " passed" in process.stdout

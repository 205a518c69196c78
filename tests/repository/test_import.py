"""Importing the package is quick and loads no heavy library; lazy names exist all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import optical_memory

HEAVY = ("torch", "transformers", "redis", "langchain_core", "langchain", "ray", "httpx")
QUESTION = f"""
import json, sys, time
start = time.perf_counter()
{{statement}}
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {HEAVY} if name in sys.modules]]))
"""


def run(statement: str) -> tuple[float, list[str]]:
    """Seconds and the heavy modules that a statement loads in a fresh interpreter."""
    command = [sys.executable, "-c", QUESTION.format(statement=statement)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, heavy_modules = json.loads(process.stdout)
    return seconds, heavy_modules


def test_importing_takes_less_than_150_ms():
    assert min(run("import optical_memory")[0] for _ in range(5)) < 0.15


@pytest.mark.parametrize(
    "statement",
    [
        "import optical_memory",
        "from optical_memory import *",
        "from optical_memory.agents import compress, recall_tool",
        "import optical_memory.testing, optical_memory.loaders",
        "import optical_memory.session.archive, optical_memory.recall.window.context",
        "import optical_memory.readers, optical_memory.stores, optical_memory.renderers",
        "import optical_memory.bulk, optical_memory.measure, optical_memory.cli",
        "import optical_memory as om; om.OpticalMemory('a', store='sqlite:///memory.db').close()",
    ],
)
def test_neither_torch_nor_redis_nor_langchain_is_loaded_by(statement: str, empty_home: Path):
    assert run(statement)[1] == []


def test_every_public_name_is_there():
    assert all(getattr(optical_memory, name) for name in optical_memory.__all__)
    assert set(optical_memory.__all__) <= set(dir(optical_memory))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'OpticMemory'"):
        optical_memory.OpticMemory  # noqa: B018


def test_the_version_is_the_packages():
    assert optical_memory.__version__[0].isdigit()


def test_searching_does_not_start_jax(tmp_path: Path):
    """bm25s imports JAX if it is installed, and JAX takes most of a GPU's memory at once."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("raise SystemExit('JAX was started')")
    statement = "from optical_memory.search.terms import terms; print(list(terms('the ferry')))"
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {statement}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "['ferry']\n"

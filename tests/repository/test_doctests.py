"""The examples in docstrings run as they stand, each docstring's in an empty home of its own.

Every example sees the public names of `optical_memory` besides those of its own module.
"""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.homes import move_into

import optical_memory
from optical_memory import OpticalMemory, Turn

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "optical_memory"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FACE = [
    OpticalMemory,
    OpticalMemory.context,
    OpticalMemory.forget,
    OpticalMemory.recall,
    Turn,
]


def source_files() -> list[Path]:
    """The modules of the package, those of the rooms behind symlinks too."""
    rooms = [path for path in PACKAGE.iterdir() if path.is_symlink()]
    files = set(PACKAGE.rglob("*.py"))
    for room in rooms:
        if (room / "__init__.py").exists():
            files |= set(room.rglob("*.py"))
    return sorted(files)


def modules_with_examples() -> list[str]:
    """Dotted names of the modules in which `>>>` stands."""
    names = []
    for path in source_files():
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts).removesuffix(".__init__"))
    return names


def docstrings(module: str) -> list[doctest.DocTest]:
    """The docstrings of a module that hold an example."""
    names = {name: getattr(optical_memory, name) for name in optical_memory.__all__}
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = finder.find(import_module(module), extraglobs=names)
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tests = docstrings(module)
    assert tests, f"`>>>` stands in {module}, but in no docstring"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for test in tests:
        move_into(tmp_path / test.name, monkeypatch)
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("value", FACE, ids=lambda value: value.__qualname__)
def test_the_face_of_the_package_shows_how_it_is_used(value: Any):
    assert ">>> " in (inspect.getdoc(value) or "")
    assert value.__module__ in modules_with_examples()

"""The table in README is the public surface: each name in it exists, and no other is public."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from optical_memory import OpticalMemory
from optical_memory.testing import TemplateReader

README = Path(__file__).resolve().parents[1] / "README.md"


def section(title: str) -> str:
    """The text of README under a heading, up to the next heading of its level."""
    text = README.read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(pattern: str) -> dict[str, list[str]]:
    """The rows of the table whose first cell matches: its text, and the names in the second."""
    lines = re.findall(rf"^\| `?({pattern})`? \| (.+) \|$", section("Public names"), re.MULTILINE)
    return {first: re.findall(r"`(\w+)`", names) for first, names in lines}


SURFACE = rows(r"optical_memory[\w.]*")
FACADE = rows(r"attributes|methods|async methods")


def public_objects() -> dict[str, Any]:
    """Every public function and class by its dotted name."""
    objects = {}
    for module, names in SURFACE.items():
        for name in names:
            value = getattr(import_module(module), name)
            if inspect.isfunction(value) or inspect.isclass(value):
                objects[f"{module}.{name}"] = value
    return objects


def public_members(cls: type) -> dict[str, Any]:
    """The public methods and properties that a class of ours defines itself."""
    members = {name: value for name, value in vars(cls).items() if not name.startswith("_")}
    kinds = (property, classmethod, staticmethod)
    return {n: v for n, v in members.items() if inspect.isfunction(v) or isinstance(v, kinds)}


def test_the_table_names_the_modules_that_users_import():
    assert {"optical_memory", "optical_memory.errors", "optical_memory.readers"} <= set(SURFACE)
    assert sum(len(names) for names in SURFACE.values()) > 50


@pytest.mark.parametrize("module", SURFACE)
def test_a_public_module_exports_exactly_the_names_in_the_table(module: str):
    exports = import_module(module).__all__
    assert sorted(exports) == sorted(SURFACE[module])
    assert len(set(exports)) == len(exports)


@pytest.mark.parametrize("module", SURFACE)
def test_every_public_name_can_be_imported_and_is_listed_by_dir(module: str):
    room: ModuleType = import_module(module)
    assert [name for name in SURFACE[module] if not hasattr(room, name)] == []
    assert set(SURFACE[module]) <= set(dir(room))


def test_every_public_module_says_what_it_is_for():
    assert [name for name in SURFACE if not import_module(name).__doc__] == []


def test_every_public_function_and_class_has_a_docstring_of_its_own():
    objects = public_objects()
    assert len(objects) > 30
    assert [name for name, value in objects.items() if not value.__doc__] == []


def test_every_public_method_has_a_docstring_its_own_or_its_protocols():
    classes = {name: value for name, value in public_objects().items() if inspect.isclass(value)}
    without_docstring = []
    for name, cls in classes.items():
        members = [m for m in public_members(cls) if not inspect.getdoc(getattr(cls, m))]
        without_docstring += [f"{name}.{member}" for member in members]
    assert without_docstring == []


def test_a_memory_has_the_public_attributes_and_methods_in_the_table_and_no_others(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/memory.db"
    with OpticalMemory("alice", store=url, reader=TemplateReader()) as memory:
        members = {name for name in dir(memory) if not name.startswith("_")}
        callables = {name for name in members if callable(getattr(memory, name))}
    methods = FACADE["methods"] + FACADE["async methods"]
    assert sorted(callables) == sorted(methods)
    assert sorted(members - callables) == sorted(FACADE["attributes"])


def test_async_methods_can_be_awaited():
    assert FACADE["async methods"]
    for name in FACADE["async methods"]:
        assert inspect.iscoroutinefunction(getattr(OpticalMemory, name)), name


def test_a_misspelt_name_of_a_lazy_module_is_an_attribute_error():
    for module in ("optical_memory", "optical_memory.stores"):
        with pytest.raises(AttributeError, match="no attribute 'OpticMemory'"):
            getattr(import_module(module), "OpticMemory")  # noqa: B009


def test_a_star_import_gives_the_public_names(tmp_path: Path):
    code = "from optical_memory import *; print(' '.join(sorted(set(dir()))))"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert set(SURFACE["optical_memory"]) <= set(output.split())

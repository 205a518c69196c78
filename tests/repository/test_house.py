"""The house stays easy to enter: small modules, small rooms, and a README that names each room."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "optical_memory"
LINKS = {"agents", "renderers"}
"""Rooms of the package that lie at the top of the repository, behind symlinks."""

MAX_LINES = 300
MAX_MODULES = 16


def source_files(folder: str) -> list[Path]:
    """The Python files under a folder at the top, each once: symlinks are not followed."""
    return sorted((ROOT / folder).rglob("*.py"))


MODULES = source_files("optical_memory") + source_files("renderers") + source_files("agents")
SCRIPTS = source_files("evals") + source_files("examples") + source_files("training")
TESTS = source_files("tests")


def tree_rows() -> dict[str, str]:
    """README's tree of the package: each path in it, with its sentence."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"^```\noptical_memory/.*?^```$", text, re.MULTILINE | re.DOTALL)
    assert tree is not None, "README has no tree that begins with optical_memory/"
    rows = {"optical_memory": "the package"}
    parents = ["optical_memory"]
    for line in tree[0].splitlines()[2:-1]:
        indent, name, sentence = re.fullmatch(r"( *)(\S+) *(.*)", line).groups()
        del parents[len(indent) // 2 :]
        parents.append(name.rstrip("/"))
        rows["/".join(parents)] = sentence
    return rows


def rooms() -> set[str]:
    """Each folder of the package with modules in it, as README names it."""
    folders = {path.parent.relative_to(ROOT).as_posix() for path in source_files("optical_memory")}
    for name in LINKS:
        linked = {path.parent.relative_to(ROOT).as_posix() for path in source_files(name)}
        folders |= {f"optical_memory/{folder}" for folder in linked}
    return folders


def layer_numbers() -> dict[str, int]:
    """The layer of each room and module in the contract that import-linter checks, 0 on top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    rooms = next(contract for contract in contracts if contract["id"] == "rooms")
    numbers: dict[str, int] = {}
    for number, layer in enumerate(rooms["layers"]):
        numbers.update(dict.fromkeys(layer.split(" | "), number))
    return numbers


def top_modules() -> set[str]:
    """The modules that lie in no room."""
    return {f"optical_memory/{path.name}" for path in PACKAGE.glob("*.py")}


def test_the_code_is_there():
    assert len(MODULES) > 100
    assert len(rooms()) > 15


def test_no_module_is_longer_than_300_lines():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_no_folder_holds_more_than_16_modules():
    folders = [path.parent for path in MODULES if path.name != "__init__.py"]
    crowds = {str(f.relative_to(ROOT)): folders.count(f) for f in set(folders)}
    assert {folder: n for folder, n in crowds.items() if n > MAX_MODULES} == {}


def test_every_module_and_script_says_what_it_is_for():
    silent = []
    for path in MODULES + SCRIPTS + TESTS:
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_readmes_tree_names_exactly_the_rooms_that_there_are():
    folders = {path for path in tree_rows() if not path.endswith(".py")}
    assert folders == rooms()


def test_readmes_tree_names_exactly_the_modules_that_lie_in_no_room():
    modules = {path for path in tree_rows() if path.endswith(".py")}
    assert modules == top_modules()


def test_readmes_tree_goes_from_the_ground_to_the_command_line():
    paths = [path.removesuffix(".py") for path in tree_rows() if path.count("/") == 1]
    numbers = layer_numbers()
    order = [numbers[path.split("/")[1]] for path in paths if not path.endswith("__init__")]
    assert len(order) == len(numbers)
    assert order == sorted(order, reverse=True)


def test_every_line_of_readmes_tree_says_something():
    rows = tree_rows()
    assert [path for path, sentence in rows.items() if not sentence] == []


def test_tests_lie_in_folders_named_like_those_of_the_package():
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in TESTS}
    no_rooms = {".", "evals", "faults", "repository", "support", "training"}
    names = {name for name in folders if name.split("/")[0] not in no_rooms}
    assert {f"optical_memory/{name}" for name in names} <= rooms()

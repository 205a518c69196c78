"""What the docs promise is tested: each row of a table `| We promise | Test |` names its tests.

The tables stand in SECURITY.md and in docs/. The tests are looked up in their files, not collected,
so a promise may name a test that needs an extra or a server.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = ["We promise", "Test"]
CELL_BORDER = re.compile(r"(?<!\\)\|")


def pages() -> list[Path]:
    """The files that may hold promises."""
    security = ROOT / "SECURITY.md"
    documents = sorted((ROOT / "docs").glob("*.md"))
    return [security, *documents] if security.is_file() else documents


def cells(line: str) -> list[str]:
    """The cells of a row of a table; none if the line is no row."""
    row = line.strip()
    if not row.startswith("|"):
        return []
    return [cell.strip() for cell in CELL_BORDER.split(row.strip("|"))]


def promises(text: str) -> list[tuple[int, str, list[str]]]:
    """The line, the promise and the named tests of each row of a table of promises."""
    rows: list[tuple[int, str, list[str]]] = []
    in_table = False
    for number, line in enumerate(text.splitlines(), start=1):
        row = cells(line)
        if row == HEADER:
            in_table = True
        elif not row:
            in_table = False
        elif in_table and set("".join(row)) - set(":- "):
            rows.append((number, row[0], re.findall(r"`([^`]+)`", row[-1])))
    return rows


def all_promises() -> list[pytest.ParameterSet]:
    """Each promise, named by its file and line."""
    parameters = []
    for page in pages():
        for number, promise, node_ids in promises(page.read_text(encoding="utf-8")):
            name = f"{page.name}:{number}"
            parameters.append(pytest.param(promise, node_ids, id=name))
    return parameters


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a file, `Class::name` for those of a class; none without a file."""
    file = ROOT / path
    is_collected = path.startswith("tests/") and file.name.startswith("test_")
    if not (is_collected and file.is_file()):
        return frozenset()
    names: set[str] = set()
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        names |= names_of(statement)
    return frozenset(names)


def names_of(statement: ast.stmt) -> set[str]:
    """The tests that one statement of a module defines; `name = other_test` is no definition."""
    if isinstance(statement, ast.ClassDef):
        members = [names_of(member) for member in statement.body]
        return {f"{statement.name}::{name}" for name in set().union(*members)}
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {statement.name} if statement.name.startswith("test_") else set()
    return set()


def has_test(node_id: str) -> bool:
    """True for `path::test` or `path::Class::test`, with or without `[parameters]`."""
    path, _, name = node_id.partition("::")
    return name.partition("[")[0] in names_in(path)


@pytest.mark.parametrize(("promise", "node_ids"), all_promises())
def test_a_promise_names_tests_that_exist(promise: str, node_ids: list[str]):
    assert node_ids, f"no test for the promise: {promise}"
    assert [node_id for node_id in node_ids if not has_test(node_id)] == [], "no such tests"


def test_the_docs_have_tables_of_promises():
    assert all_promises()


def test_a_row_without_a_test_is_a_promise_without_a_test():
    table = "| We promise | Test |\n|---|---|\n| a \\| b | soon |\n\n| else | `x` |"
    assert promises(table) == [(3, "a \\| b", [])]


def test_a_test_that_is_not_there_is_noticed():
    path = "tests/repository/test_promises.py"
    assert has_test(f"{path}::test_a_test_that_is_not_there_is_noticed")
    assert has_test(f"{path}::test_a_promise_names_tests_that_exist[SECURITY.md:1]")
    assert not has_test(f"{path}::test_of_nothing")
    assert not has_test(f"{path}::promises")
    assert not has_test("tests/repository/test_gone.py::test_of_nothing")
    assert not has_test(path)

"""README's Python runs as it stands: every block in a namespace and a folder of its own.

A block under the comment `<!-- not run: reason -->` is skipped with that reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks() -> list[pytest.ParameterSet]:
    """The line and the code of every block; a test is named by the line."""
    text = README.read_text(encoding="utf-8")
    parameters = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        marks = [pytest.mark.skip(reason=block["reason"])] if block["reason"] else []
        parameters.append(pytest.param(line, block["code"], id=f"line {line + 1}", marks=marks))
    return parameters


@pytest.mark.parametrize(("line", "code"), blocks())
def test_a_python_block_of_the_readme_runs(line: int, code: str, empty_home: Path):
    exec(compile("\n" * line + code, str(README), "exec"), {"__name__": "__readme__"})


def test_the_readme_shows_python_that_runs():
    assert len(BLOCK.findall(README.read_text(encoding="utf-8"))) >= 2

"""The README's Python is run as it stands: every block in a namespace and a folder of its own.

A block under the comment `<!-- not run: reason -->` is skipped with that reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?^```python\n(?P<code>.*?)^```$", re.M | re.S
)


def blocks() -> list[pytest.ParameterSet]:
    """(line, code) of every block, named by its line in the README."""
    if not README.exists():
        return [
            pytest.param(
                0, "", id="no README", marks=pytest.mark.skip(reason="there is no README.md yet")
            )
        ]
    text = README.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        marks = [pytest.mark.skip(reason=block["reason"])] if block["reason"] else []
        found.append(pytest.param(line, block["code"], id=f"line {line + 1}", marks=marks))
    return found


@pytest.mark.parametrize(("line", "code"), blocks())
def test_a_python_block_of_the_readme_runs(
    line: int, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    exec(compile("\n" * line + code, str(README), "exec"), {"__name__": "__readme__"})

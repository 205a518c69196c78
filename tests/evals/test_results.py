"""The tables and the figure of results/ and of README.md say what the commands printed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results() -> ModuleType:
    spec = importlib.util.spec_from_file_location("results", ROOT / "evals" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_and_figures_agree_with_the_outputs(results: ModuleType) -> None:
    for path, text in results.made_files().items():
        assert path.read_text(encoding="utf-8") == text, f"run python evals/results.py: {path.name}"


def test_there_are_tables(results: ModuleType) -> None:
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    names = {match["name"] for match in results._TABLE.finditer(page)}
    assert {name.partition(".")[0] for name in names} == set(results.TABLES)


def test_every_output_is_in_a_table_and_has_its_head(results: ModuleType) -> None:
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    for file in (ROOT / "results").glob("*.json"):
        assert f".{file.stem} -->" in page
        output = json.loads(file.read_text(encoding="utf-8"))
        assert {"command", "version", "reader", "seed", "seconds", "rows"} <= set(output)


def test_what_is_written_by_hand_stays(
    results: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setitem(results.TABLES, "evidence", lambda file: f"| {file} |\n")
    page = "before\n<!-- table evidence.run -->\nold\n<!-- end -->\nafter\n"
    assert results.filled(page) == page.replace("old", "| run |")

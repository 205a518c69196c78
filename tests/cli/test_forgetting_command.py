"""`optical-memory eval forgetting`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.question_files import longmemeval_update
from typer.testing import CliRunner

from optical_memory.cli import app


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["eval", "forgetting", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_planted_facts_and_conflicts_have_rows_and_a_figure(tmp_path: Path) -> None:
    haystack = tmp_path / "garden.txt"
    lines = [f"On day {i} the gardener said that hedge {i * 7} grows." for i in range(250)]
    haystack.write_text("\n\n".join(lines), encoding="utf-8")
    update = longmemeval_update(tmp_path)
    plot = tmp_path / "forgetting.svg"
    settings = ("--history-tokens", 2_000, "--n", 4, "--size-share", "0.5", "--plot", plot)
    output = json.loads(_run("--haystack", haystack, "--questions", update, "--json", *settings))

    assert output["command"] == "eval forgetting"
    assert {row["source"] for row in output["rows"]} == {"planted facts", "conflict questions"}
    assert {row["size_share"] for row in output["rows"]} == {None, 0.5}
    assert "first-in-first-out" in plot.read_text(encoding="utf-8")


def test_it_asks_for_a_file_and_sizes(tmp_path: Path) -> None:
    for arguments in ([], ["--questions", longmemeval_update(tmp_path), "--size-share", "0"]):
        result = CliRunner().invoke(app, ["eval", "forgetting", *map(str, arguments)])
        assert result.exit_code == 2

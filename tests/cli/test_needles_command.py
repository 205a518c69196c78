"""`optical-memory eval needles`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from optical_memory.cli import app

HAYSTACK = "\n\n".join(
    f"On day {i} the gardener said that hedge {i * 7} grows well again." for i in range(120)
)


@pytest.fixture
def haystack(tmp_path: Path) -> Path:
    file = tmp_path / "garden.txt"
    file.write_text(HAYSTACK, encoding="utf-8")
    return file


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["eval", "needles", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_rows_have_all_fields_and_the_figure_is_drawn(haystack: Path, tmp_path: Path) -> None:
    plot = tmp_path / "needles.svg"
    settings = ("--history-tokens", 1_500, "--n", 3, "--kinds", "price,date", "--baseline", "bm25")
    output = json.loads(
        _run(
            "--haystack",
            haystack,
            "--text",
            "--semantic",
            "off",
            "--json",
            "--plot",
            plot,
            *settings,
        )
    )

    assert output["command"] == "eval needles"
    assert output["pages"] == "text"
    first = output["rows"][0]
    assert first["method"] == "optical-memory"
    assert first["n"] >= 3
    assert (first["history_tokens"], first["budget_share"]) == (1_500, 0.1)
    assert {"kind", "depth", "age_turns", "rung", "found_at_1", "in_context", "exact"} <= set(first)
    assert {"silent_errors", "verified_share", "ledger", "rungs", "method"} <= set(first)
    assert {row["method"] for row in output["rows"]} == {"optical-memory", "bm25"}
    assert {row["kind"] for row in output["rows"]} == {"all", "price", "date"}
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_people_see_a_table(haystack: Path) -> None:
    settings = ("--history-tokens", 1_500, "--n", 2, "--kinds", "price")
    table = _run("--haystack", haystack, "--text", "--baseline", "none", *settings)
    assert "Needles in garden.txt" in table
    assert "silent errors" in table


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--kinds", "poems", "'poems' is none of uuid"),
        ("--history-tokens", "40", "at least 500"),
        ("--history-tokens", "many", "no list of numbers"),
        ("--baseline", "magic", "'magic' is none of"),
    ],
)
def test_what_makes_no_sense_is_refused(
    haystack: Path, option: str, value: str, message: str
) -> None:
    arguments = ["eval", "needles", "--haystack", str(haystack), option, value]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())

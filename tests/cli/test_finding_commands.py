"""The commands `eval evidence` and `eval retrieval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.question_files import beam_folder, locomo_file
from support.shell import Shell

QUICK = ("--text", "--semantic", "off", "--baseline", "newest,bm25")

OURS = ["optical-memory", "optical-memory, stops"]
"""Our memory, which fills its window, and which stops where nothing is relevant any more."""


def answer_of(shell: Shell, *words: str) -> dict[str, Any]:
    code, out, err = shell.run("eval", *words, "--json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


# ---- eval evidence -------------------------------------------------------------------------------


def test_evidence_prints_our_rows_and_those_of_the_baselines(shell: Shell, tmp_path: Path) -> None:
    file = str(locomo_file(tmp_path))
    budgets = ("--budget-share", "0.5,0.2", "--budget-tokens", "150")
    answer = answer_of(shell, "evidence", "--input", file, *QUICK, *budgets, "--seed", "3")

    assert (answer["command"], answer["seed"]) == ("eval evidence", 3)
    assert answer["n_left_out"] == {"adversarial": 1, "no evidence": 1}
    assert (answer["pages"], answer["input"]) == ("text", ["locomo.json"])
    rows = answer["rows"]
    assert [row["method"] for row in rows] == [*OURS, "newest", "bm25"] * 3
    assert [row["budget_share"] for row in rows] == [0.5] * 4 + [0.2] * 4 + [None] * 4
    by_method = {row["method"]: row for row in rows[:4]}
    assert by_method["newest"]["any"] < by_method["optical-memory"]["any"]
    assert by_method["bm25"]["any"] == 1.0
    tokens = {method: row["window_tokens"] for method, row in by_method.items()}
    assert tokens["optical-memory, stops"] <= tokens["optical-memory"]


def test_evidence_is_read_from_faded_pictures(shell: Shell, tmp_path: Path) -> None:
    file = str(locomo_file(tmp_path))
    keep = ("--keep", str(tmp_path / "kept"))
    ours = ("--baseline", "none", "--semantic", "off")
    words = ("evidence", "--input", file, *ours, "--budget-share", "0.3", *keep)
    answer = answer_of(shell, *words)

    assert answer["pages"] == "pictures"
    [shares] = answer["rungs"].values()
    assert "text" not in shares
    assert [row["method"] for row in answer["rows"]] == OURS
    assert (tmp_path / "kept" / "memories.db").is_file()
    assert answer_of(shell, *words)["rungs"] == answer["rungs"]


def test_evidence_is_a_table_for_people(shell: Shell, tmp_path: Path) -> None:
    file = str(locomo_file(tmp_path))
    words = ("eval", "evidence", "--input", file, *QUICK, "--by-kind", "--limit", "2")
    code, out, _ = shell.run(*words)

    assert code == 0
    assert all(word in out for word in ("legible", "single-hop", "10%", "optical-memory"))
    assert "Questions left out: adversarial 1, no evidence 1" in out
    assert "Share of the pages at each rung" in out
    assert "…" not in out


def test_evidence_can_be_drawn(shell: Shell, tmp_path: Path) -> None:
    figure = tmp_path / "evidence.svg"
    words = ("--input", str(locomo_file(tmp_path)), *QUICK, "--no-ours", "--plot", str(figure))
    answer_of(shell, "evidence", *words)

    drawing = figure.read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    assert "bm25" in drawing
    code, _, err = shell.run("eval", "evidence", *words[:-1], str(tmp_path / "no" / "a.svg"))
    assert (code, "cannot be written" in err) == (1, True)


def test_baselines_alone_need_no_memory(shell: Shell, tmp_path: Path) -> None:
    folder = str(beam_folder(tmp_path))
    answer = answer_of(shell, "evidence", "--input", folder, "--no-ours", "--baseline", "all")

    methods = {row["method"] for row in answer["rows"]} | set(answer["skipped"])
    assert methods == {"newest", "rolling-summary", "bm25", "bm25-neighbours", "dense"}
    assert answer["rungs"] == {}


@pytest.mark.parametrize(
    "options",
    [
        ("--budget-share", "half"),
        ("--budget-share", "0"),
        ("--budget-share", "1.5"),
        ("--budget-tokens", "0"),
        ("--budget-tokens", "10.5"),
        ("--budget-share", ""),
        ("--baseline", "oracle"),
    ],
)
def test_wrong_options_are_refused(shell: Shell, tmp_path: Path, options: tuple[str, str]) -> None:
    file = str(locomo_file(tmp_path))
    assert shell.run("eval", "evidence", "--input", file, "--text", *options)[0] == 2


def test_a_file_without_a_question_to_ask_is_refused(shell: Shell, tmp_path: Path) -> None:
    qa = [{"question": "Who lied?", "evidence": ["D1:2"], "category": 5}]
    file = str(locomo_file(tmp_path, qa))
    code, _, err = shell.run("eval", "evidence", "--input", file)
    assert (code, "no question in these files" in err) == (1, True)


def test_our_memory_is_asked_by_words_and_by_meaning(shell: Shell, tmp_path: Path) -> None:
    file = str(locomo_file(tmp_path))
    words = ("evidence", "--input", file, "--text", "--baseline", "none", "--budget-share", "0.3")
    answer = answer_of(shell, *words)

    methods = {row["method"] for row in answer["rows"]}
    by_meaning = {"optical-memory+semantic", "optical-memory+semantic, stops"}
    assert set(OURS) <= methods
    assert by_meaning <= methods or "optical-memory+semantic" in answer["skipped"]


# ---- eval retrieval ------------------------------------------------------------------------------


def test_retrieval_ranks_turns_and_sessions(shell: Shell, tmp_path: Path) -> None:
    file = str(locomo_file(tmp_path))
    answer = answer_of(shell, "retrieval", "--input", file, *QUICK)

    rows = answer["rows"]
    assert answer["command"] == "eval retrieval"
    assert [row["method"] for row in rows if row["unit"] == "turn"] == [
        "optical-memory",
        "newest",
        "bm25",
    ]
    assert {row["method"] for row in rows if row["unit"] == "session"} >= {"bm25-sessions"}
    assert {"hit@1", "hit@5", "hit@10", "all@5", "mrr"} <= set(rows[0])
    code, out, _ = shell.run("eval", "retrieval", "--input", file, *QUICK)
    assert (code, "hit@10" in out, "…" in out) == (0, True, False)

"""The commands `demo`, `bench` and `readers`: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.readers.small_checkpoints import Stock
from support.shell import Shell

from optical_memory.cli import bench
from optical_memory.measure.bench.setup import BenchRow

# ---- demo ----------------------------------------------------------------------------------------


def test_the_demo_prints_its_table_and_writes_its_report(
    shell: Shell, log: str, tmp_path: Path
) -> None:
    out_folder = tmp_path / "out"
    words = ["demo", "--input", log, "--out", str(out_folder), "--questions", "3"]
    answer = shell.json(*words)

    assert {row["conversation"] for row in answer["rows"]} == {"log"}
    (summary,) = answer["conversations"]
    assert summary["restart"]["equal"] == summary["pages"] > 0
    assert (out_folder / "report.html").exists()
    code, out, _ = shell.on_store(*words)
    assert (code, "tiny" in out, "vision tower calls" in out) == (0, True, True)


def test_the_fields_of_a_demo_stay_as_they_are(shell: Shell, log: str, tmp_path: Path) -> None:
    answer = shell.json("demo", "--input", log, "--out", str(tmp_path / "out"), "--questions", "1")
    (summary,) = answer["conversations"]

    row = "conversation youngest oldest rung pages n_tokens ledger_tokens text_tokens compression"
    assert list(answer["rows"][0]) == f"{row} alone recalled worst trusted".split()
    counts = "conversation session turns open_turns pages capacity capacity_chosen floor faded"
    questions = "questions_asked questions_answered questions restart stages"
    assert list(summary) == f"{counts} {questions}".split()
    restart = "store pages equal looks dropped dropped_equal dropped_looks seconds"
    assert list(summary["restart"]) == restart.split()
    assert list(summary["stages"]) == ["remember", "certify", "read", "ask", "read again"]


def test_all_conversations_of_a_file_have_a_folder_each(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "share.json"
    chats = [
        {"id": f"c{i}", "conversations": [{"from": "human", "value": f"hello {i}"}]}
        for i in range(2)
    ]
    file.write_text(json.dumps(chats), encoding="utf-8")
    out_folder = tmp_path / "out"
    shell.json("demo", "--input", str(file), "--conversation", "all", "--out", str(out_folder))

    assert sorted(path.name for path in out_folder.iterdir()) == ["c0", "c1"]


def test_a_conversation_that_is_no_number_is_refused(shell: Shell, log: str) -> None:
    assert shell.on_store("demo", "--input", log, "--conversation", "second")[0] == 2


# ---- bench ---------------------------------------------------------------------------------------


def test_a_bench_of_another_reader_than_pocket_is_refused(shell: Shell) -> None:
    code, _, err = shell.run(
        "bench", "--only", "draw", "--reader", "optical_memory.testing:TemplateReader"
    )

    assert (code, "only pocket" in err) == (2, True)


def test_a_bench_prints_ours_beside_a_baseline(shell: Shell) -> None:
    words = ("bench", "--only", "draw", "--reader", "pocket")
    code, out, err = shell.run(*words, "--json")
    (row,) = json.loads(out)["rows"]

    assert (code, err) == (0, "")
    assert list(row) == ["name", "ours", "baseline", "baseline_name", "ratio", "unit"]
    assert row["ratio"] == pytest.approx(row["ours"] / row["baseline"])
    code, out, _ = shell.run(*words)
    assert (code, "draw a page" in out, "pages/s" in out) == (0, True, True)


def test_small_numbers_of_a_bench_have_two_digits_after_the_point() -> None:
    row = BenchRow("find", 0.345, 12.34, "plain", 12.34 / 0.345, "ms of CPU")

    assert bench.cells(row) == ["find", "plain", "0.34", "12.3", "35.77", "ms of CPU"]


# ---- readers -------------------------------------------------------------------------------------


def test_the_ladder_of_pocket_is_told_without_loading_it(shell: Shell) -> None:
    code, out, _ = shell.run("readers", "--reader", "pocket", "--json")
    (row,) = json.loads(out)["rows"]

    assert code == 0
    assert [(rung["side_px"], rung["tokens"]) for rung in row["ladder"]] == [
        (1024, 273),
        (640, 111),
        (512, 73),
    ]
    assert 0 < row["checkpoint_bytes"] <= 25_000_000


def test_a_reader_is_checked_without_weights(shell: Shell, stock: dict[str, Stock]) -> None:
    for name in ("pocket", str(stock["deepseek-ocr"][0])):
        code, out, _ = shell.run("readers", "check", "--reader", name, "--device", "cpu", "--json")
        report = json.loads(out)
        assert code == 0
        assert (report["missing"], report["unexpected"], report["mismatched"]) == (0, 0, 0)
        assert report["problems"] == []
    assert [half["half"] for half in report["halves"]] == ["encoder", "decoder"]


def test_a_reader_that_lacks_its_tokenizer_fails_the_check(
    shell: Shell, stock: dict[str, Stock], tmp_path: Path
) -> None:
    for file in stock["deepseek-ocr"][0].iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).symlink_to(file)
    code, out, _ = shell.run("readers", "check", "--reader", str(tmp_path), "--device", "cpu")

    assert code == 1
    assert "no tokenizer.json" in out.replace("\n", " ")

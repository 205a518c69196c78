"""The commands `eval fidelity` and `eval identifiers`, and the figures drawn from their rows."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from support.measured_texts import chat, texts_file
from support.shell import Shell

from optical_memory.measure import FidelityRow

# ---- the commands --------------------------------------------------------------------------------


def test_fidelity_prints_its_rows(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    text = "The tide table says seven, and the harbour master says eight. " * 9
    file.write_text("\n".join([json.dumps({"text": text})] * 4), encoding="utf-8")
    words = ("eval", "fidelity", "--pages", str(file), "--limit", "1", "--seed", "7")

    code, out, _ = shell.run(*words, "--json")
    answer = json.loads(out)
    assert (code, answer["seed"]) == (0, 7)
    assert [row["rung"] for row in answer["rows"]] == ["large", "base", "small", "tiny"]
    assert list(answer["rows"][0]) == [field.name for field in fields(FidelityRow)]
    code, out, _ = shell.run(*words)
    assert (code, "tiny" in out, "cert. error" in out) == (0, True, True)


def test_the_fields_of_a_fidelity_row_stay_as_they_are() -> None:
    names = [field.name for field in fields(FidelityRow)]

    page = "source rung side_px density_px2_per_char fill visual_tokens text_tokens compression"
    ledger = "n_ledger_tokens n_unreadable_tokens compression_with_ledger"
    counts = "compression_asked n_pages n_repacked accuracy p5 worst n_ids ids_exact"
    with_ledger = "ids_exact_with_ledger silent_errors"
    trust = "certificate_error verified_share ece sure_share sure_accuracy bins"
    assert names == f"{page} {ledger} {counts} {with_ledger} {trust}".split()


def test_fidelity_takes_files_of_both_kinds(shell: Shell, tmp_path: Path) -> None:
    files = ["--pages", str(texts_file(tmp_path)), "--pages", str(chat(tmp_path)), "--limit", "2"]
    code, out, _ = shell.run("eval", "fidelity", *files, "--json")
    assert code == 0
    assert {row["source"] for row in json.loads(out)["rows"]} == {"all"}

    by_file = ["--by-file", "--pages-at-least", "20"]
    _, out, _ = shell.run("eval", "fidelity", *files, *by_file, "--json")
    rows = json.loads(out)["rows"]
    assert [(row["source"], row["n_pages"]) for row in rows[:3]] == [
        ("all", 4),
        ("pages.jsonl", 2),
        ("chat.json", 2),
    ]
    (low, high, n, mean, share), *_ = rows[0]["bins"]
    assert low < mean <= high
    assert (n > 0, share) == (True, 1.0)

    code, out, _ = shell.run("eval", "fidelity", *files, "--by-file")
    assert (code, "chat.json" in out, "right if sure" in out, "…" in out) == (0, True, True, False)


def test_two_files_of_one_name_are_told_apart(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = [str(chat(tmp_path)), str(chat(tmp_path / "b"))]
    options = [f"--pages={file}" for file in files]
    _, out, _ = shell.run("eval", "fidelity", *options, "--by-file", "--limit", "1", "--json")

    assert {row["source"] for row in json.loads(out)["rows"]} == {"all", *files}


@pytest.mark.parametrize("ratios", ["five", "0", "5,-1"])
def test_a_compression_that_is_none_is_refused(shell: Shell, ratios: str) -> None:
    assert shell.run("eval", "fidelity", "--pages", "pages.jsonl", "--compression", ratios)[0] == 2


def test_identifiers_prints_a_row_for_each_kind(shell: Shell) -> None:
    words = ("eval", "identifiers", "--n", "4", "--compression", "2", "--kinds", "hex8,uuid")
    code, out, _ = shell.run(*words, "--json")
    answer = json.loads(out)

    assert (code, answer["command"], answer["seed"]) == (0, "eval identifiers", 0)
    assert [(row["kind"], row["n"]) for row in answer["rows"]] == [("hex8", 4), ("uuid", 4)]
    code, out, _ = shell.run(*words)
    assert (code, "silent errors" in out, "…" in out) == (0, True, False)


def test_an_unknown_kind_of_identifier_is_refused(shell: Shell) -> None:
    assert shell.run("eval", "identifiers", "--kinds", "hex8,passport")[0] == 2


# ---- the figures ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curve() -> ModuleType:
    script = Path(__file__).resolve().parents[2] / "evals" / "curve.py"
    if not script.is_file():
        pytest.skip("evals/ is not in the sdist")
    spec = importlib.util.spec_from_file_location("curve", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_ratios_are_counted_again_with_what_the_decoder_receives(
    curve: ModuleType,
) -> None:
    assert curve.published(64, 64)[0] == (10.5, 0.965)
    assert curve.published(64, 73)[0] == (pytest.approx(9.2, abs=0.01), 0.965)
    assert curve.published(100, 111)[-1] == (pytest.approx(11.35, abs=0.01), 0.871)


def test_the_whole_hundred_pages_of_fox_are_in_the_table(curve: ModuleType) -> None:
    assert sum(line.pages for line in curve.FOX) == 100


def test_the_figures_of_a_measurement_are_the_same_bytes_each_time(
    shell: Shell, curve: ModuleType, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="the figures need the extra 'evals'")
    pages = str(texts_file(tmp_path))
    _, out, _ = shell.run("eval", "fidelity", "--pages", pages, "--limit", "2", "--json")
    (tmp_path / "fidelity.json").write_text(out, encoding="utf-8")
    drawings = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        curve.save(curve.read_rows([tmp_path / "fidelity.json"]), folder)
        drawings.append({file.name: file.read_bytes() for file in sorted(folder.iterdir())})

    assert list(drawings[0]) == ["curve.svg", "reliability.svg"]
    assert drawings[0] == drawings[1]


def test_other_output_is_not_drawn(curve: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text('{"command": "bench", "rows": []}', encoding="utf-8")

    with pytest.raises(SystemExit, match="not what"):
        curve.read_rows([file])

"""The commands `eval fidelity` and `eval identifiers`, and the figures that are drawn from what
they print.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from support.measured_texts import chat, texts_file

from optical_memory.cli import main
from optical_memory.cli import measure as measuring
from optical_memory.testing import TemplateReader

# ---- the commands --------------------------------------------------------------------------------


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        measuring, "open_reader", lambda name: TemplateReader(misread={"tiny": 0.2})
    )


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit:
        main(["eval", *words])
    return int(exit.value.code or 0), capsys.readouterr().out


@pytest.mark.usefixtures("template")
def test_fidelity_takes_files_of_both_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--pages", str(texts_file(tmp_path)), "--pages", str(chat(tmp_path)), "--limit", "2")
    code, together = printed(capsys, "fidelity", *files, "--json")
    assert code == 0
    assert {row["source"] for row in json.loads(together)["rows"]} == {"all"}

    _, apart = printed(capsys, "fidelity", *files, "--by-file", "--pages-at-least", "20", "--json")
    rows = json.loads(apart)["rows"]
    assert [(row["source"], row["n_pages"]) for row in rows[:3]] == [
        ("all", 4),
        ("pages.jsonl", 2),
        ("chat.json", 2),
    ]
    (low, high, n, mean, right), *_ = rows[0]["bins"]
    assert low < mean <= high
    assert (n > 0, right) == (True, 1.0)

    code, table = printed(capsys, "fidelity", *files, "--by-file")
    assert (code, "chat.json" in table, "right if sure" in table, "…" in table) == (
        0,
        True,
        True,
        False,
    )


@pytest.mark.usefixtures("template")
def test_two_files_of_one_name_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    files = [str(chat(tmp_path)), str(chat(tmp_path / "b"))]
    _, out = printed(
        capsys,
        "fidelity",
        *(f"--pages={file}" for file in files),
        "--by-file",
        "--limit",
        "1",
        "--json",
    )

    assert {row["source"] for row in json.loads(out)["rows"]} == {"all", *files}


@pytest.mark.usefixtures("template")
def test_identifiers_prints_a_row_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("identifiers", "--n", "4", "--compression", "2", "--kinds", "hex8,uuid")
    code, out = printed(capsys, *words, "--json")
    found = json.loads(out)

    assert (code, found["command"], found["seed"]) == (0, "eval identifiers", 0)
    assert [(row["kind"], row["n"]) for row in found["rows"]] == [("hex8", 4), ("uuid", 4)]
    code, out = printed(capsys, *words)
    assert (code, "silent errors" in out, "…" in out) == (0, True, False)


@pytest.mark.usefixtures("template")
def test_an_unknown_kind_of_identifier_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "identifiers", "--kinds", "hex8,passport")[0] == 2


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


@pytest.mark.usefixtures("template")
def test_the_figures_of_a_measurement_are_the_same_bytes_each_time(
    curve: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the figures need the extra 'evals'")
    _, out = printed(
        capsys, "fidelity", "--pages", str(texts_file(tmp_path)), "--limit", "2", "--json"
    )
    (tmp_path / "fidelity.json").write_text(out, encoding="utf-8")
    drawn = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        curve.save(curve.read_rows([tmp_path / "fidelity.json"]), folder)
        drawn.append({file.name: file.read_bytes() for file in sorted(folder.iterdir())})

    assert list(drawn[0]) == ["curve.svg", "reliability.svg"]
    assert drawn[0] == drawn[1]


def test_other_output_is_not_drawn(curve: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text('{"command": "bench", "rows": []}', encoding="utf-8")

    with pytest.raises(SystemExit, match="not what"):
        curve.read_rows([file])

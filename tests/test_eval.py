"""The measurements `eval fidelity` and `eval identifiers`: right about a reader whose errors are known."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.cli import main, measuring
from optical_memory.compression import first_rows
from optical_memory.errors import InputError
from optical_memory.evaluation import FidelityRow
from optical_memory.evaluation import fidelity as fidelity_of
from optical_memory.identifiers import KINDS, identifiers
from optical_memory.page_sources import Pool, Source, SourcePage, from_texts, full_pages, merged, read_source
from optical_memory.pages import Grid
from optical_memory.readers.base import SURE, Reader, Reading
from optical_memory.reliability import BINS, reliability, total
from optical_memory.renderers import PageRenderer
from optical_memory.testing import SMALL_GRID, TemplateReader

RENDERER = PageRenderer(SMALL_GRID)
ROWS = SMALL_GRID.rows * SMALL_GRID.text_columns

TEXTS = [
    f"{i}. The harbour office opened at seven and ticket HB-{4000 + i} was sold for 12.50 EUR to a sailor. "
    f"Nobody asked him for his name, and he wrote it down all the same, in a hand that was hard to read."
    for i in range(24)
]
SOURCE = from_texts(TEXTS)


def fidelity(texts: list[str], reader: Reader, *, limit: int | None = None, seed: int = 0) -> list[FidelityRow]:
    return fidelity_of([from_texts(texts)], reader, limit=limit, seed=seed)


def test_a_reader_without_errors_is_measured_as_one() -> None:
    rows = fidelity(TEXTS, TemplateReader())

    assert [row.rung for row in rows] == ["large", "base", "small", "tiny"]
    for row in rows:
        assert row.accuracy == row.p5 == row.worst == row.ids_exact == row.verified_share == 1.0
        assert row.certificate_error == 0.0


def test_errors_are_found_at_the_rung_where_they_are_made() -> None:
    large, _, _, tiny = fidelity(TEXTS, TemplateReader(misread={"tiny": 0.2}))

    assert large.accuracy == 1.0
    assert 0.75 < tiny.accuracy < 0.92  # a fifth of the signs; blanks are never misread
    assert tiny.worst <= tiny.p5 <= tiny.accuracy
    assert tiny.verified_share == pytest.approx(tiny.accuracy, abs=0.05)


def test_the_ledger_does_not_help_the_reader() -> None:
    tiny = fidelity(TEXTS, TemplateReader(misread={"tiny": 0.2}))[-1]

    assert tiny.n_ids > 20
    assert tiny.ids_exact is not None
    assert tiny.ids_exact < 0.6  # a fact of some seven signs survives by 0.8 to the 7th


def test_compression_is_text_tokens_over_what_the_decoder_receives() -> None:
    for row in fidelity(TEXTS, TemplateReader(), limit=2):
        n = row.side_px // 64
        assert row.visual_tokens == n * (n + 1) + 1
        assert row.compression == row.text_tokens / row.visual_tokens


def test_only_full_pages_are_measured() -> None:
    pages = full_pages(SOURCE.turns, RENDERER)

    assert all(len(page.lines) == ROWS for page in pages)
    assert {row.n_pages for row in fidelity(TEXTS, TemplateReader())} == {len(pages)}


def test_a_limit_draws_the_same_pages_for_the_same_seed() -> None:
    reader = TemplateReader(misread={"tiny": 0.3})
    first, again, other = (fidelity(TEXTS, reader, limit=2, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first[0].n_pages == 2


def test_an_asked_compression_is_reached_and_the_true_one_is_told() -> None:
    reachable = fidelity_of([SOURCE], TemplateReader(), compressions=[3.0])[0]

    assert reachable.compression_asked == 3.0
    assert 3.0 <= reachable.compression < 3.6  # rows are whole


def test_a_compression_out_of_reach_is_measured_on_full_pages_at_the_last_rung() -> None:
    row = fidelity_of([SOURCE], TemplateReader(), compressions=[500.0])[0]

    assert row.rung == "tiny"
    assert row.compression < 500
    assert row.n_pages == len(full_pages(SOURCE.turns, RENDERER))


def test_the_first_rows_of_a_page_are_drawn_where_they_stood() -> None:
    renderer = PageRenderer(Grid(columns=40, rows=16, text_columns=1))
    page = full_pages(SOURCE.turns, renderer)[1]
    part = first_rows(page, 5)
    whole, drawn = renderer.draw(page, 512), renderer.draw(part, 512)

    assert part.text == page.text[: len(part.text)]
    assert np.array_equal(drawn[: 5 * 32], whole[: 5 * 32])
    assert (drawn[5 * 32 :] == 255).all()
    assert all(span.start <= span.body <= span.end <= len(part.text) for span in part.layout.spans)


def test_texts_that_fill_no_page_are_refused() -> None:
    with pytest.raises(InputError, match="do not fill one page"):
        fidelity(["too short"], TemplateReader())


# ---- where pages come from ------------------------------------------------------------------------------------------


def chat(folder: Path, name: str = "chat.json", turns: int = 40) -> Path:
    """A conversation in a file, of a user and an assistant in turn."""
    said = [f"Berth {i} is free from {i % 24}:00, and the pilot wants {i + 70} EUR for it." for i in range(turns)]
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]
    file = folder / name
    file.write_text(json.dumps(messages), encoding="utf-8")
    return file


def texts_file(folder: Path, name: str = "pages.jsonl") -> Path:
    file = folder / name
    file.write_text("\n".join(json.dumps({"text": text, "source": "none"}) for text in TEXTS), encoding="utf-8")
    return file


def taken(source: Source, *, at_least: int = 0, seed: int = 0) -> list[SourcePage]:
    return Pool(source, RENDERER, seed).take(at_least=at_least)


def test_a_file_of_texts_gives_each_text_as_a_turn(tmp_path: Path) -> None:
    source = read_source(texts_file(tmp_path))

    assert source.name == "pages.jsonl"
    assert [run[0].turn.text for run in source.runs] == TEXTS


def test_a_conversation_is_laid_out_with_its_roles_and_marks(tmp_path: Path) -> None:
    pages = taken(read_source(chat(tmp_path)))

    assert pages[0].page.text.startswith("0> Berth 0 is free")
    assert "1< Berth 1 is free" in pages[0].page.text


def test_a_conversation_starts_where_the_one_before_it_ended(tmp_path: Path) -> None:
    source = merged([read_source(chat(tmp_path, "one.json", 3)), read_source(chat(tmp_path, "two.json", 20))])
    first = taken(source)[0].page

    assert first.text.count("0> Berth 0") == 2
    assert source.name == "all"


def test_a_line_without_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    file.write_text(json.dumps({"text": "a"}) + "\n" + json.dumps({"txt": "b"}) + "\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"pages.jsonl:2: no 'text'"):
        read_source(file)


def test_a_file_in_no_known_format_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pages.json"
    file.write_text('{"pages": 3}', encoding="utf-8")

    with pytest.raises(InputError, match="in none of the known formats"):
        read_source(file)


@pytest.mark.parametrize("seed", [0, 1])
def test_texts_are_packed_again_until_there_are_pages_enough_and_no_two_are_equal(seed: int) -> None:
    once = full_pages(SOURCE.turns, RENDERER)
    pages = taken(SOURCE, at_least=50, seed=seed)

    assert len(pages) == 50
    assert [one.page for one in pages[: len(once)]] == once
    assert [one.repacked for one in pages] == [False] * len(once) + [True] * (50 - len(once))
    assert len({one.page.digest for one in pages}) == 50
    assert all(len(one.page.lines) == ROWS for one in pages)


def test_packing_again_goes_by_the_seed() -> None:
    first, again, other = (taken(SOURCE, at_least=20, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_one_long_conversation_can_be_packed_again_too(tmp_path: Path) -> None:
    pages = taken(read_source(chat(tmp_path)), at_least=30)

    assert len({one.page.digest for one in pages}) == 30


def test_no_page_is_packed_again_where_there_are_enough() -> None:
    assert not any(one.repacked for one in taken(SOURCE, at_least=2))


def test_texts_with_too_few_different_pages_are_refused() -> None:
    text = "x" * 700  # no word begins in it, so that every packing is the same

    with pytest.raises(InputError, match="fills 1 such pages, not 5"):
        taken(from_texts([text]), at_least=5)


def test_pages_that_do_not_reach_the_asked_compression_are_left_out_where_others_do() -> None:
    thin = from_texts([*TEXTS, "a\n" * 200])  # its last pages hold a word a line
    row = fidelity_of([thin], TemplateReader(), compressions=[4.0])[0]

    assert row.compression >= 4.0
    assert row.n_pages < len(full_pages(thin.turns, RENDERER))


def test_of_several_sources_each_has_rows_of_its_own_beside_those_of_all(tmp_path: Path) -> None:
    reader = TemplateReader(misread={"small": 0.1})
    sources = [SOURCE, read_source(chat(tmp_path))]
    rows = fidelity_of(sources, reader, compressions=[5.0], at_least=12, limit=12)
    every, texts, said = rows

    assert [row.source for row in rows] == ["all", "texts", "chat.json"]
    assert (every.n_pages, texts.n_pages, said.n_pages) == (24, 12, 12)
    assert every.n_repacked == texts.n_repacked + said.n_repacked > 0
    assert every.accuracy == pytest.approx((texts.accuracy + said.accuracy) / 2)
    assert every.worst == min(texts.worst, said.worst)


# ---- confidence -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_formula(read: list[tuple[float, bool]]) -> None:
    confidence = np.array([p for p, _ in read], np.float32)
    found = reliability("a" * len(read), Reading("".join("ba"[right] for _, right in read), confidence))
    error = 0.0
    for m in range(BINS):
        inside = [(p, right) for p, right in read if m / BINS < p <= (m + 1) / BINS or p == m == 0]
        error += abs(sum(right for _, right in inside) - sum(p for p, _ in inside)) / len(read)

    assert found.ece == pytest.approx(error, abs=1e-6)
    assert sum(n for _, _, n, _, _ in found.bins) == len(read)
    assert all(low - 1e-6 <= mean <= high + 1e-6 for low, high, _, mean, _ in found.bins)


def test_blanks_and_what_is_not_read_do_not_count() -> None:
    found = reliability("a b\ncd", Reading("a x\n\ufffdd", np.array([0.95, 1, 0.4, 1, 0, 0.9], np.float32)))

    assert sum(n for _, _, n, _, _ in found.bins) == 3  # a, x for b, d
    assert found.sure_share == pytest.approx(2 / 3)
    assert found.sure_accuracy == 1.0


def test_a_reader_that_reads_nothing_is_not_called_calibrated() -> None:
    found = reliability("ab", Reading("\ufffd\ufffd", np.zeros(2, np.float32)))

    assert (found.ece, found.sure_share, found.sure_accuracy, found.bins) == (None, None, None, ())


def test_counts_of_pages_add_up() -> None:
    one = reliability("abcd", Reading("abcx", np.array([0.2, 0.5, 0.95, 0.99], np.float32)))
    two = reliability("ef", Reading("ef", np.array([0.97, 0.96], np.float32)))
    both = reliability("abcdef", Reading("abcxef", np.array([0.2, 0.5, 0.95, 0.99, 0.97, 0.96], np.float32)))

    assert total([one, two]).bins == both.bins
    assert total([one, two]).sure_accuracy == both.sure_accuracy == 0.75


def test_a_reader_that_is_wrong_more_often_than_it_says_shows_it() -> None:
    large, _, _, tiny = fidelity(TEXTS, TemplateReader(misread={"tiny": 0.3}))  # it always says 0.9

    assert large.ece == pytest.approx(1 - SURE, abs=1e-4)
    assert (large.sure_share, large.sure_accuracy) == (1.0, 1.0)
    assert tiny.sure_accuracy is not None
    assert tiny.ece == pytest.approx(SURE - tiny.sure_accuracy, abs=1e-4)
    assert [(n > 0, round(mean, 3)) for _, _, n, mean, _ in tiny.bins] == [(True, SURE)]


# ---- identifiers ----------------------------------------------------------------------------------------------------


def test_every_kind_is_read_exactly_by_a_reader_without_errors() -> None:
    rows = identifiers(TemplateReader(), n=15, compression=1.5)

    assert [row.kind for row in rows] == ["number7", "hex8", "base62", "uuid"]
    for row in rows:
        assert (row.n, row.exact, row.chars_right, row.silent_errors) == (15, 1.0, 1.0, 0.0)
        assert 1.5 <= row.compression < 2.0  # rows are whole
        assert row.n_pages > 1


def test_an_identifier_is_exact_only_if_all_its_characters_are() -> None:
    rows = identifiers(TemplateReader(misread=dict.fromkeys(("large", "base", "small", "tiny"), 0.1)), n=60, seed=3)
    exact = {row.kind: row.exact for row in rows}

    assert all(row.chars_right == pytest.approx(0.9, abs=0.04) for row in rows)
    assert exact["number7"] == pytest.approx(0.9**7, abs=0.2)
    assert exact["uuid"] < 0.15  # 0.9 to the 36th
    assert all(row.silent_errors == pytest.approx(1 - row.exact) for row in rows)  # this reader is always sure


def test_identifiers_go_by_the_seed() -> None:
    reader = TemplateReader(misread={"large": 0.1})
    first, again, other = (identifiers(reader, n=8, compression=2.0, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_only_the_asked_kinds_are_put_on_the_pages() -> None:
    (row,) = identifiers(TemplateReader(), kinds=["uuid"], n=5, compression=2.0)

    assert (row.kind, row.n) == ("uuid", 5)


def test_the_kinds_are_what_they_are_called() -> None:
    made = {kind: make(random.Random(5)) for kind, make in KINDS.items()}

    assert {kind: len(text) for kind, text in made.items()} == {"number7": 7, "hex8": 8, "base62": 8, "uuid": 36}
    assert made["number7"].isdecimal()
    assert int(made["hex8"], 16) >= 0
    assert made["base62"].isalnum()


def test_a_compression_without_room_for_identifiers_is_refused() -> None:
    with pytest.raises(InputError, match="no room for identifiers"):
        identifiers(TemplateReader(), n=5, compression=0.1)


# ---- the commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "open_reader", lambda name: TemplateReader(misread={"tiny": 0.2}))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit:
        main(["eval", *words])
    return int(exit.value.code or 0), capsys.readouterr().out


@pytest.mark.usefixtures("template")
def test_fidelity_takes_files_of_both_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--pages", str(texts_file(tmp_path)), "--pages", str(chat(tmp_path)), "--limit", "2")
    code, together = printed(capsys, "fidelity", *files, "--json")
    assert code == 0
    assert {row["source"] for row in json.loads(together)["rows"]} == {"all"}

    _, apart = printed(capsys, "fidelity", *files, "--by-file", "--pages-at-least", "20", "--json")
    rows = json.loads(apart)["rows"]
    assert [(row["source"], row["n_pages"]) for row in rows[:3]] == [("all", 4), ("pages.jsonl", 2), ("chat.json", 2)]
    (low, high, n, mean, right), *_ = rows[0]["bins"]
    assert low < mean <= high
    assert (n > 0, right) == (True, 1.0)

    code, table = printed(capsys, "fidelity", *files, "--by-file")
    assert (code, "chat.json" in table, "right if sure" in table, "…" in table) == (0, True, True, False)


@pytest.mark.usefixtures("template")
def test_two_files_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b").mkdir()
    files = [str(chat(tmp_path)), str(chat(tmp_path / "b"))]
    _, out = printed(capsys, "fidelity", *(f"--pages={file}" for file in files), "--by-file", "--limit", "1", "--json")

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


# ---- the figures ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curve() -> ModuleType:
    script = Path(__file__).resolve().parents[1] / "evals" / "curve.py"
    if not script.is_file():
        pytest.skip("evals/ is not in the sdist")
    spec = importlib.util.spec_from_file_location("curve", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_ratios_are_counted_again_with_what_the_decoder_receives(curve: ModuleType) -> None:
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
    _, out = printed(capsys, "fidelity", "--pages", str(texts_file(tmp_path)), "--limit", "2", "--json")
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

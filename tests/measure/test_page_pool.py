"""The pages of a measurement: from texts, from conversations, and from the same packed again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.measured_texts import RENDERER, ROWS, SOURCE, TEXTS, chat, texts_file

from optical_memory.errors import InputError
from optical_memory.measure.fidelity import measure_fidelity
from optical_memory.measure.page_pool import (
    Pool,
    Source,
    SourcePage,
    from_texts,
    full_pages,
    merge,
    read_source,
)
from optical_memory.testing import TemplateReader


def pages_of(source: Source, *, at_least: int = 0, seed: int = 0) -> list[SourcePage]:
    return Pool(source, RENDERER, seed).take(at_least=at_least)


def test_a_file_of_texts_gives_each_text_as_a_turn(tmp_path: Path) -> None:
    source = read_source(texts_file(tmp_path))

    assert source.name == "pages.jsonl"
    assert [run[0].turn.text for run in source.runs] == TEXTS


def test_a_conversation_is_laid_out_with_its_roles_and_marks(tmp_path: Path) -> None:
    pages = pages_of(read_source(chat(tmp_path)))

    assert pages[0].page.text.startswith("0> Berth 0 is free")
    assert "1< Berth 1 is free" in pages[0].page.text


def test_a_conversation_starts_where_the_one_before_it_ended(tmp_path: Path) -> None:
    source = merge(
        [read_source(chat(tmp_path, "one.json", 3)), read_source(chat(tmp_path, "two.json", 20))]
    )
    first = pages_of(source)[0].page

    assert first.text.count("0> Berth 0") == 2
    assert source.name == "all"


def test_a_line_without_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    file.write_text(
        json.dumps({"text": "a"}) + "\n" + json.dumps({"txt": "b"}) + "\n", encoding="utf-8"
    )

    with pytest.raises(InputError, match=r"pages.jsonl:2: no 'text'"):
        read_source(file)


def test_a_file_in_no_known_format_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pages.json"
    file.write_text('{"pages": 3}', encoding="utf-8")

    with pytest.raises(InputError, match="in none of the known formats"):
        read_source(file)


@pytest.mark.parametrize("seed", [0, 1])
def test_texts_are_packed_again_until_there_are_pages_enough_and_no_two_are_equal(
    seed: int,
) -> None:
    first = full_pages(SOURCE.turns, RENDERER)
    pages = pages_of(SOURCE, at_least=50, seed=seed)

    assert len(pages) == 50
    assert [page.page for page in pages[: len(first)]] == first
    assert [page.is_repacked for page in pages] == [False] * len(first) + [True] * (50 - len(first))
    assert len({page.page.digest for page in pages}) == 50
    assert all(len(page.page.lines) == ROWS for page in pages)


def test_packing_again_goes_by_the_seed() -> None:
    seed_1 = pages_of(SOURCE, at_least=20, seed=1)
    seed_2 = pages_of(SOURCE, at_least=20, seed=2)

    assert seed_1 == pages_of(SOURCE, at_least=20, seed=1)
    assert seed_1 != seed_2


def test_one_long_conversation_can_be_packed_again_too(tmp_path: Path) -> None:
    pages = pages_of(read_source(chat(tmp_path)), at_least=30)

    assert len({page.page.digest for page in pages}) == 30


def test_no_page_is_packed_again_if_there_are_enough() -> None:
    pages = pages_of(SOURCE, at_least=2)

    assert len(pages) >= 2
    assert not any(page.is_repacked for page in pages)


def test_texts_with_too_few_different_pages_are_refused() -> None:
    text = "x" * 700  # no word begins in it, so that every packing is the same

    with pytest.raises(InputError, match="fills 1 such pages, not 5"):
        pages_of(from_texts([text]), at_least=5)


def test_pages_that_do_not_reach_the_asked_compression_are_left_out_where_others_do() -> None:
    thin = from_texts([*TEXTS, "a\n" * 200])  # its last pages hold a word a line
    row = measure_fidelity([thin], TemplateReader(), compressions=[4.0])[0]

    assert row.compression >= 4.0
    assert row.n_pages < len(full_pages(thin.turns, RENDERER))


def test_of_several_sources_each_has_rows_of_its_own_beside_those_of_all(tmp_path: Path) -> None:
    reader = TemplateReader(misread={"small": 0.1})
    sources = [SOURCE, read_source(chat(tmp_path))]
    rows = measure_fidelity(sources, reader, compressions=[5.0], at_least=12, limit=12)
    all_pages, texts, conversation = rows

    assert [row.source for row in rows] == ["all", "texts", "chat.json"]
    assert (all_pages.n_pages, texts.n_pages, conversation.n_pages) == (24, 12, 12)
    assert all_pages.n_repacked == texts.n_repacked + conversation.n_repacked > 0
    assert all_pages.accuracy == pytest.approx((texts.accuracy + conversation.accuracy) / 2)
    assert all_pages.worst == min(texts.worst, conversation.worst)

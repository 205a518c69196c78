"""Where the pages of a measurement come from: files of texts, conversations, and the same packed
again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.measured_texts import RENDERER, ROWS, SOURCE, TEXTS, chat, texts_file

from optical_memory.errors import InputError
from optical_memory.measure.fidelity import fidelity as fidelity_of
from optical_memory.measure.page_pool import (
    Pool,
    Source,
    SourcePage,
    from_texts,
    full_pages,
    merged,
    read_source,
)
from optical_memory.testing import TemplateReader


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
    source = merged(
        [read_source(chat(tmp_path, "one.json", 3)), read_source(chat(tmp_path, "two.json", 20))]
    )
    first = taken(source)[0].page

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

"""`eval fidelity`: what it measures of a reader whose errors are known, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from optical_memory.errors import InputError
from optical_memory.evaluation import fidelity, full_pages, page_texts, prefix
from optical_memory.renderers import PageRenderer
from optical_memory.testing import SMALL_GRID, TemplateReader

TEXTS = [
    f"{i}. The harbour office opened at seven and ticket HB-{4000 + i} was sold for 12.50 EUR to a sailor. "
    f"Nobody asked him for his name, and he wrote it down all the same, in a hand that was hard to read."
    for i in range(24)
]


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
    pages = full_pages(TEXTS, PageRenderer(SMALL_GRID))

    assert all(len(page.lines) == SMALL_GRID.rows for page in pages)
    assert {row.n_pages for row in fidelity(TEXTS, TemplateReader())} == {len(pages)}


def test_a_limit_draws_the_same_pages_for_the_same_seed() -> None:
    reader = TemplateReader(misread={"tiny": 0.3})
    first, again, other = (fidelity(TEXTS, reader, limit=2, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first[0].n_pages == 2


def test_an_asked_compression_is_reached_and_the_true_one_is_told() -> None:
    reachable = fidelity(TEXTS, TemplateReader(), compressions=[3.0])[0]

    assert reachable.compression_asked == 3.0
    assert 3.0 <= reachable.compression < 3.6  # rows are whole


def test_a_compression_out_of_reach_is_measured_on_full_pages_at_the_last_rung() -> None:
    row = fidelity(TEXTS, TemplateReader(), compressions=[500.0])[0]

    assert row.rung == "tiny"
    assert row.compression < 500
    assert row.n_pages == len(full_pages(TEXTS, PageRenderer(SMALL_GRID)))


def test_the_first_rows_of_a_page_are_drawn_where_they_stood() -> None:
    renderer = PageRenderer(SMALL_GRID)
    page = full_pages(TEXTS, renderer)[1]
    part = prefix(page, 5)
    whole, drawn = renderer.draw(page, 512), renderer.draw(part, 512)

    assert part.text == page.text[: len(part.text)]
    assert np.array_equal(drawn[: 5 * 32], whole[: 5 * 32])
    assert (drawn[5 * 32 :] == 255).all()
    assert all(span.start <= span.body <= span.end <= len(part.text) for span in part.layout.spans)


def test_texts_that_fill_no_page_are_refused() -> None:
    with pytest.raises(InputError, match="do not fill one page"):
        fidelity(["too short"], TemplateReader())


def test_a_line_without_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    file.write_text(json.dumps({"text": "a"}) + "\n" + json.dumps({"txt": "b"}) + "\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"pages.jsonl:2: no 'text'"):
        page_texts(file)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JSON lines"):
        page_texts(tmp_path / "pages.txt")

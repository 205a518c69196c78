"""The measurements of `eval`: right about a reader whose errors are known."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.measured_texts import RENDERER, ROWS, SOURCE, TEXTS, fidelity

from optical_memory.errors import InputError
from optical_memory.measure.calibration import BINS, reliability, total
from optical_memory.measure.cut_pages import first_rows
from optical_memory.measure.fidelity import measure_fidelity
from optical_memory.measure.identifiers import IDENTIFIER_KINDS, measure_identifiers
from optical_memory.measure.page_pool import full_pages
from optical_memory.pages import Grid
from optical_memory.readings import CONFIDENT, Reading
from optical_memory.renderers import PageRenderer
from optical_memory.testing import TemplateReader

# ---- fidelity ------------------------------------------------------------------------------------


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


def test_the_ledger_mends_what_it_costs_tokens_for() -> None:
    reader = TemplateReader(misread={"tiny": 0.05}, reads_cells=True)
    large, *_, tiny = fidelity(TEXTS, reader)

    assert large.ids_exact == 1.0
    assert tiny.ids_exact is not None
    assert tiny.ids_exact < 1.0
    assert tiny.ids_exact_with_ledger == large.ids_exact_with_ledger == 1.0
    assert tiny.silent_errors == 0
    assert tiny.n_ledger_tokens == large.n_ledger_tokens > 0, "it is kept from the first rung on"
    assert tiny.n_unreadable_tokens == 0
    n_tokens = tiny.visual_tokens + tiny.n_ledger_tokens
    assert tiny.compression_with_ledger == tiny.text_tokens / n_tokens < tiny.compression


def test_signs_that_a_reader_cannot_read_are_counted_apart() -> None:
    texts = [f"{text} 港の事務所" for text in TEXTS]
    (row, *_) = fidelity(texts, TemplateReader(reads_cells=True))

    assert row.n_unreadable_tokens == row.n_ledger_tokens > 0


def test_a_reader_that_is_never_sure_of_its_certificates_keeps_all_facts() -> None:
    (row, *_) = fidelity(TEXTS, TemplateReader())
    assert row.n_ledger_tokens > 0
    assert row.ids_exact_with_ledger == 1.0


def test_the_pages_own_marks_are_no_facts() -> None:
    (row, *_) = fidelity(["hello there, all of you " * 20] * 12, TemplateReader())
    assert (row.n_ids, row.ids_exact) == (0, None)


def test_compression_is_text_tokens_over_what_the_decoder_receives() -> None:
    rows = fidelity(TEXTS, TemplateReader(), limit=2)

    assert len(rows) == 4
    for row in rows:
        n = row.side_px // 64
        assert row.visual_tokens == n * (n + 1) + 1
        assert row.compression == row.text_tokens / row.visual_tokens


def test_only_full_pages_are_measured() -> None:
    pages = full_pages(SOURCE.turns, RENDERER)

    assert all(len(page.lines) == ROWS for page in pages)
    assert {row.n_pages for row in fidelity(TEXTS, TemplateReader())} == {len(pages)}


def test_a_limit_draws_the_same_pages_for_the_same_seed() -> None:
    reader = TemplateReader(misread={"tiny": 0.3})
    seed_1 = fidelity(TEXTS, reader, limit=2, seed=1)
    seed_2 = fidelity(TEXTS, reader, limit=2, seed=2)

    assert seed_1 == fidelity(TEXTS, reader, limit=2, seed=1)
    assert seed_1 != seed_2
    assert seed_1[0].n_pages == 2


def test_an_asked_compression_is_reached_and_the_true_one_is_told() -> None:
    reachable = measure_fidelity([SOURCE], TemplateReader(), compressions=[3.0])[0]

    assert reachable.compression_asked == 3.0
    assert 3.0 <= reachable.compression < 3.6  # rows are whole


def test_a_compression_out_of_reach_is_measured_on_full_pages_at_the_last_rung() -> None:
    row = measure_fidelity([SOURCE], TemplateReader(), compressions=[500.0])[0]

    assert row.rung == "tiny"
    assert row.compression < 500
    assert row.n_pages == len(full_pages(SOURCE.turns, RENDERER))


def test_the_first_rows_of_a_page_are_drawn_where_they_stood() -> None:
    renderer = PageRenderer(Grid(columns=40, rows=16, text_columns=1))
    page = full_pages(SOURCE.turns, renderer)[1]
    part = first_rows(page, 5)
    image = renderer.draw(part, 512)

    assert part.text == page.text[: len(part.text)]
    assert np.array_equal(image[: 5 * 32], renderer.draw(page, 512)[: 5 * 32])
    assert (image[5 * 32 :] == 255).all()
    assert all(span.start <= span.body <= span.end <= len(part.text) for span in part.layout.spans)


def test_texts_that_fill_no_page_are_refused() -> None:
    with pytest.raises(InputError, match="do not fill one page"):
        fidelity(["too short"], TemplateReader())


# ---- confidence ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_formula(chars: list[tuple[float, bool]]) -> None:
    confidence = np.array([p for p, _ in chars], np.float32)
    text = "".join("ba"[right] for _, right in chars)
    counts = reliability("a" * len(chars), Reading(text, confidence))
    error = 0.0
    for m in range(BINS):
        inside = [(p, right) for p, right in chars if m / BINS < p <= (m + 1) / BINS or p == m == 0]
        error += abs(sum(right for _, right in inside) - sum(p for p, _ in inside)) / len(chars)

    assert counts.ece == pytest.approx(error, abs=1e-6)
    assert sum(n for _, _, n, _, _ in counts.bins) == len(chars)
    assert all(low - 1e-6 <= mean <= high + 1e-6 for low, high, _, mean, _ in counts.bins)


def test_blanks_and_what_is_not_read_do_not_count() -> None:
    confidence = np.array([0.95, 1, 0.4, 1, 0, 0.9], np.float32)
    counts = reliability("a b\ncd", Reading("a x\n\ufffdd", confidence))

    assert sum(n for _, _, n, _, _ in counts.bins) == 3  # a, x for b, d
    assert counts.confident_share == pytest.approx(2 / 3)
    assert counts.confident_accuracy == 1.0


def test_a_reader_that_reads_nothing_is_not_called_calibrated() -> None:
    counts = reliability("ab", Reading("\ufffd\ufffd", np.zeros(2, np.float32)))

    assert (counts.ece, counts.bins) == (None, ())
    assert (counts.confident_share, counts.confident_accuracy) == (None, None)


def test_counts_of_pages_add_up() -> None:
    confidence = np.array([0.2, 0.5, 0.95, 0.99, 0.97, 0.96], np.float32)
    pages = [
        reliability("abcd", Reading("abcx", confidence[:4])),
        reliability("ef", Reading("ef", confidence[4:])),
    ]
    whole = reliability("abcdef", Reading("abcxef", confidence))

    assert total(pages).bins == whole.bins
    assert total(pages).confident_accuracy == whole.confident_accuracy == 0.75


def test_a_reader_that_is_wrong_more_often_than_it_says_shows_it() -> None:
    large, _, _, tiny = fidelity(TEXTS, TemplateReader(misread={"tiny": 0.3}))  # it always says 0.9

    assert large.ece == pytest.approx(1 - CONFIDENT, abs=1e-4)
    assert (large.sure_share, large.sure_accuracy) == (1.0, 1.0)
    assert tiny.sure_accuracy is not None
    assert tiny.ece == pytest.approx(CONFIDENT - tiny.sure_accuracy, abs=1e-4)
    assert [(n > 0, round(mean, 3)) for _, _, n, mean, _ in tiny.bins] == [(True, CONFIDENT)]


# ---- identifiers ---------------------------------------------------------------------------------


def test_every_kind_is_read_exactly_by_a_reader_without_errors() -> None:
    rows = measure_identifiers(TemplateReader(), n=15, compression=1.5)

    assert [row.kind for row in rows] == ["number7", "hex8", "base62", "uuid"]
    for row in rows:
        assert (row.n, row.exact, row.chars_right, row.silent_errors) == (15, 1.0, 1.0, 0.0)
        assert 1.5 <= row.compression < 2.0  # rows are whole
        assert row.n_pages > 1


def test_an_identifier_is_exact_only_if_all_its_characters_are() -> None:
    misread = dict.fromkeys(("large", "base", "small", "tiny"), 0.1)
    rows = measure_identifiers(TemplateReader(misread=misread), n=60, seed=3)
    exact = {row.kind: row.exact for row in rows}

    assert all(row.chars_right == pytest.approx(0.9, abs=0.04) for row in rows)
    assert exact["number7"] == pytest.approx(0.9**7, abs=0.2)
    assert exact["uuid"] < 0.15  # 0.9 to the 36th
    # This reader is always confident.
    assert all(row.silent_errors == pytest.approx(1 - row.exact) for row in rows)


def test_identifiers_go_by_the_seed() -> None:
    reader = TemplateReader(misread={"large": 0.1})
    seed_1 = measure_identifiers(reader, n=8, compression=2.0, seed=1)
    seed_2 = measure_identifiers(reader, n=8, compression=2.0, seed=2)

    assert seed_1 == measure_identifiers(reader, n=8, compression=2.0, seed=1)
    assert seed_1 != seed_2


def test_only_the_asked_kinds_are_put_on_the_pages() -> None:
    (row,) = measure_identifiers(TemplateReader(), kinds=["uuid"], n=5, compression=2.0)

    assert (row.kind, row.n) == ("uuid", 5)


def test_the_kinds_are_what_they_are_called() -> None:
    texts = {kind: draw(random.Random(5)) for kind, draw in IDENTIFIER_KINDS.items()}

    assert {kind: len(text) for kind, text in texts.items()} == {
        "number7": 7,
        "hex8": 8,
        "base62": 8,
        "uuid": 36,
    }
    assert texts["number7"].isdecimal()
    assert int(texts["hex8"], 16) >= 0
    assert texts["base62"].isalnum()


def test_a_compression_without_room_for_identifiers_is_refused() -> None:
    with pytest.raises(InputError, match="no room for identifiers"):
        measure_identifiers(TemplateReader(), n=5, compression=0.02)


# ---- how they are asked --------------------------------------------------------------------------


def test_progress_is_told_up_to_the_last_reading() -> None:
    calls: list[tuple[str, int, int]] = []

    def note(step: str, n_done: int, n_total: int) -> None:
        calls.append((step, n_done, n_total))

    measure_fidelity([SOURCE], TemplateReader(), limit=2, progress=note)
    assert calls == [("Reading pages", n, 8) for n in range(1, 9)]  # two pages at four rungs

    calls.clear()
    measure_identifiers(TemplateReader(), n=3, compression=2.0, progress=note)
    assert calls == [("Reading pages", n, len(calls)) for n in range(1, len(calls) + 1)] != []


def test_the_measurements_are_public_names_whatever_module_was_imported_before() -> None:
    from optical_memory import measure

    assert measure.measure_fidelity is measure_fidelity
    assert measure.measure_identifiers is measure_identifiers
    assert set(measure.__all__) <= set(dir(measure))
    with pytest.raises(AttributeError, match="no attribute 'measure_fidelty'"):
        measure.measure_fidelty  # noqa: B018

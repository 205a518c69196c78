"""Statuses say how far to trust every character of a page that was read."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.text_readings import SAME_LENGTH, offsets_in, reading

from optical_memory.certificate import certify_reading
from optical_memory.ledger import Ledger, LedgerSpan, extract
from optical_memory.readings import Reading
from optical_memory.spans import DOUBT, statuses


@given(SAME_LENGTH, st.booleans())
def test_no_verified_or_original_character_is_ever_wrong(
    pair: tuple[str, str], is_certified: bool
) -> None:
    truth, text = pair
    ledger = extract(truth)
    certificate = certify_reading("tiny", truth, reading(text)) if is_certified else None
    spans = statuses(len(truth), ledger, certificate and certificate.confirms(text), reading(text))
    assert offsets_in((span.start, span.end) for span in spans) == list(range(len(truth)))
    assert all(a.status != b.status for a, b in pairwise(spans))
    for span in spans:
        if span.status == "verified":
            assert text[span.start : span.end] == truth[span.start : span.end]
        assert 0 <= span.p <= 1


def test_each_status_has_its_cause() -> None:
    truth = "code 7Q2Z9 blue sky"
    wrong_reading = reading("code xxxxx bluX \ufffd\ufffdy", 0.95)
    certificate = certify_reading("tiny", truth, wrong_reading)
    got = statuses(
        len(truth),
        extract(truth),
        certificate.confirms(wrong_reading.text),
        wrong_reading,
        erased_ranges=[(0, 2)],
    )
    assert [(truth[s.start : s.end], s.status, s.p) for s in got] == [
        ("co", "forgotten", 0.0),
        ("de ", "verified", 1.0),
        ("7Q2Z9", "original", 1.0),
        (" blu", "verified", 1.0),
        ("e", "reconstructed", pytest.approx(0.95)),
        (" ", "verified", 1.0),
        ("sk", "forgotten", 0.0),
        ("y", "verified", 1.0),
    ]


def test_what_was_right_but_not_sure_is_reconstructed() -> None:
    doubtful = Reading("ab cd", np.array([0.99, 0.6, 0.99, 0.99, 0.99], np.float32))
    got = statuses(
        5, Ledger(), certify_reading("tiny", "ab cd", doubtful).confirms("ab cd"), doubtful
    )
    assert [(s.start, s.end, s.status) for s in got] == [
        (0, 1, "verified"),
        (1, 2, "reconstructed"),
        (2, 5, "verified"),
    ]
    assert got[1].p == pytest.approx(0.6)


def test_another_reading_is_not_verified_however_sure_it_is() -> None:
    """As from a decoder that went another way because its numbers were rounded otherwise."""
    truth = "a" * 64 + "b" * 64 + "c" * 64 + "d"
    certificate = certify_reading("base", truth, reading(truth, 1.0))
    later = reading(truth[:100] + "X" + truth[101:], 1.0)
    got = statuses(193, Ledger(), certificate.confirms(later.text), later)
    assert [(s.start, s.end, s.status) for s in got] == [
        (0, 64, "verified"),
        (64, 128, "reconstructed"),
        (128, 193, "verified"),
    ]


def test_what_is_known_to_be_misread_has_no_probability_however_sure_the_reader_is() -> None:
    truth = "port 8443 is open"
    wrong_reading = reading("port 8448 is open", 0.997)
    certificate = certify_reading("tiny", truth, wrong_reading)
    spans = statuses(
        len(truth),
        Ledger(),
        certificate.confirms(wrong_reading.text),
        wrong_reading,
        misread=certificate.misread,
    )
    assert [(s.start, s.end, s.status, s.p) for s in spans] == [
        (0, 8, "verified", 1.0),
        (8, 9, "reconstructed", 0.0),
        (9, 17, "verified", 1.0),
    ]


def test_good_neighbours_do_not_hide_a_doubtful_character() -> None:
    confidence = np.array([0.99, 0.99, 0.3, 0.99], np.float32)
    spans = statuses(4, Ledger(), None, Reading("abcd", confidence))
    assert [(s.start, s.end) for s in spans if s.p < DOUBT] == [(2, 3)]


def test_without_a_certificate_all_that_is_read_is_reconstructed() -> None:
    (span,) = statuses(5, Ledger(), None, reading("ab cd", 0.8))
    assert (span.status, span.p) == ("reconstructed", pytest.approx(0.8))


def test_without_a_reading_only_the_ledger_is_left() -> None:
    ledger = Ledger((LedgerSpan(2, 4, "number", "42"),))
    got = statuses(6, ledger, np.ones(6, np.bool_), None)
    assert [span.status for span in got] == ["forgotten", "original", "forgotten"]
    assert statuses(0, Ledger(), None, None) == []


def test_blanks_do_not_make_a_doubtful_word_look_sure() -> None:
    doubtful = Reading("a    ", np.array([0.1, 1, 1, 1, 1], np.float32))
    assert statuses(5, Ledger(), None, doubtful)[0].p == pytest.approx(0.1)

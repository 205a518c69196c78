"""A certificate says what a reader misreads, and statuses say how far to trust every character."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optical_memory.certificate import (
    WINDOW,
    Certificate,
    RungCertificate,
    agreements_in,
    certify_reading,
)
from optical_memory.errors import NewerFormat, ReadingFailed
from optical_memory.ledger import Ledger, LedgerSpan, extract
from optical_memory.measure.accuracy import accuracy
from optical_memory.readings import Reading
from optical_memory.spans import statuses


def reading(text: str, confidence: float = 0.9) -> Reading:
    return Reading(text, np.full(len(text), confidence, np.float32))


def test_agreement_counts_inked_characters_at_their_own_place() -> None:
    got = certify_reading("tiny", "ab cd\nef", reading("ab cX\neY"))
    assert got.agreement == pytest.approx(4 / 6)
    assert got.misread == ((4, 5), (7, 8))


def test_a_blank_read_as_ink_is_misread_but_not_counted() -> None:
    got = certify_reading("tiny", "ab cd", reading("abxcd"))
    assert got.agreement == 1.0
    assert got.misread == ((2, 3),)


def test_neighbouring_errors_are_one_range() -> None:
    assert certify_reading("tiny", "abcdef", reading("aXYZef")).misread == ((1, 4),)


def test_the_worst_window_is_where_the_errors_are() -> None:
    truth = "x" * 1000
    read = "x" * 500 + "y" * 32 + "x" * 468
    start, end, share = certify_reading("small", truth, reading(read)).worst
    assert share == 0.5
    assert end - start == WINDOW
    assert start <= 500
    assert end >= 532


def test_the_worst_window_of_a_short_page_is_the_page() -> None:
    assert certify_reading("tiny", " abcd", reading(" abXd")).worst == (1, 5, 0.75)


def test_a_page_of_blanks_is_read_perfectly() -> None:
    got = certify_reading("tiny", " \n ", reading(" \n ", 1.0))
    assert (got.agreement, got.sure, got.misread, got.worst) == (1.0, 1.0, (), (0, 0, 1.0))


def test_a_reading_of_another_length_has_failed() -> None:
    with pytest.raises(ReadingFailed, match="3 characters for a page of 4"):
        certify_reading("tiny", "abcd", reading("abc"))
    with pytest.raises(ReadingFailed, match="3 characters for a page of 4"):
        statuses(4, Ledger(), None, reading("abc"))


def test_sure_is_the_mean_confidence_of_the_ink() -> None:
    got = certify_reading("tiny", "a b", Reading("a b", np.array([0.5, 1.0, 0.7], np.float32)))
    assert got.sure == pytest.approx(0.6)


def test_a_certificate_survives_json_and_knows_what_it_never_measured() -> None:
    rungs = {
        "tiny": certify_reading("tiny", "ab cd ef", reading("aX cd eY")),
        "base": certify_reading("base", "a", reading("a")),
    }
    certificate = Certificate("pocket", "1", "int8", rungs, partial=True)
    assert Certificate.from_json(json.loads(json.dumps(certificate.to_json()))) == certificate
    assert agreements_in(certificate.to_json()) == {"tiny": pytest.approx(4 / 6), "base": 1.0}
    assert certificate.agreement("large") == 0.0
    with pytest.raises(NewerFormat, match="format 9"):
        Certificate.from_json({"v": 9})


SAME_LENGTH = st.integers(0, 80).flatmap(
    lambda n: st.tuples(
        *[st.text(st.sampled_from("ab \n7é\ufffd"), min_size=n, max_size=n) for _ in range(2)]
    )
)


@given(SAME_LENGTH)
@example(("7" * 65, "a" + "7" * 63 + "a"))  # its worst window is better than the whole
def test_misread_is_exactly_where_the_texts_differ(pair: tuple[str, str]) -> None:
    truth, read = pair
    got = certify_reading("tiny", truth, reading(read))
    assert {i for a, b in got.misread for i in range(a, b)} == {
        i for i in range(len(truth)) if truth[i] != read[i]
    }
    assert all(a[1] < b[0] for a, b in pairwise(got.misread))
    inked = [i for i, char in enumerate(truth) if not char.isspace()]
    width = min(WINDOW, len(inked))
    windows = [inked[i : i + width] for i in range(len(inked) - width + 1)] if inked else []
    shares = [sum(truth[i] == read[i] for i in window) / width for window in windows]
    assert got.worst[2] == pytest.approx(min(shares, default=1.0))
    if windows:
        first = windows[shares.index(min(shares))]
        assert got.worst[:2] == (first[0], first[-1] + 1)


@given(SAME_LENGTH, st.booleans())
def test_no_verified_or_original_character_is_ever_wrong(
    pair: tuple[str, str], certified: bool
) -> None:
    truth, read = pair
    ledger = extract(truth)
    certificate = certify_reading("tiny", truth, reading(read)) if certified else None
    spans = statuses(len(truth), ledger, certificate, reading(read))
    assert [i for span in spans for i in range(span.start, span.end)] == list(range(len(truth)))
    assert all(a.status != b.status for a, b in pairwise(spans))
    for span in spans:
        if span.status == "verified":
            assert read[span.start : span.end] == truth[span.start : span.end]
        assert 0 <= span.p <= 1


def test_each_status_has_its_cause() -> None:
    truth, read = "code 7Q2Z9 blue sky", "code xxxxx bluX \ufffd\ufffdy"
    certificate = certify_reading("tiny", truth, reading(read, 0.95))
    got = statuses(len(truth), extract(truth), certificate, reading(read, 0.95), gone=[(0, 2)])
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
    got = statuses(5, Ledger(), certify_reading("tiny", "ab cd", doubtful), doubtful)
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
    got = statuses(193, Ledger(), certificate, reading(truth[:100] + "X" + truth[101:], 1.0))
    assert [(s.start, s.end, s.status) for s in got] == [
        (0, 64, "verified"),
        (64, 128, "reconstructed"),
        (128, 193, "verified"),
    ]


def test_a_forgotten_turn_leaves_no_checksum_and_the_rest_stays_verified() -> None:
    truth = "abcd" * 64
    certificate = Certificate(
        "r", "1", "int8", {"base": certify_reading("base", truth, reading(truth, 1.0))}
    )
    left = Certificate.from_json(certificate.without(63, 70).to_json())
    assert left.partial
    assert [check == 0 for check in left.rungs["base"].checks] == [True, True, False, False]
    got = statuses(256, Ledger(), left.rungs["base"], reading(truth, 1.0), gone=[(63, 70)])
    assert [(s.start, s.end, s.status) for s in got] == [
        (0, 63, "reconstructed"),
        (63, 70, "forgotten"),
        (70, 128, "reconstructed"),
        (128, 256, "verified"),
    ]


def test_a_certificate_of_the_first_format_verifies_nothing() -> None:
    told = Certificate(
        "r", "1", "int8", {"base": certify_reading("base", "abcd", reading("abXd"))}
    ).to_json()
    old = told | {"v": 1, "rungs": [rung[:5] for rung in told["rungs"]]}
    proof = Certificate.from_json(old).rungs["base"]
    assert (proof.agreement, proof.misread) == (0.75, ((2, 3),))
    assert {span.status for span in statuses(4, Ledger(), proof, reading("abXd", 1.0))} == {
        "reconstructed"
    }


def test_without_a_certificate_all_that_is_read_is_reconstructed() -> None:
    (span,) = statuses(5, Ledger(), None, reading("ab cd", 0.8))
    assert (span.status, span.p) == ("reconstructed", pytest.approx(0.8))


def test_without_a_reading_only_the_ledger_is_left() -> None:
    ledger = Ledger((LedgerSpan(2, 4, "number", "42"),))
    got = statuses(6, ledger, RungCertificate("tiny", 1.0, (), (0, 6, 1.0), 1.0), None)
    assert [span.status for span in got] == ["forgotten", "original", "forgotten"]
    assert statuses(0, Ledger(), None, None) == []


def test_blanks_do_not_make_a_doubtful_word_look_sure() -> None:
    doubtful = Reading("a    ", np.array([0.1, 1, 1, 1, 1], np.float32))
    assert statuses(5, Ledger(), None, doubtful)[0].p == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("truth", "read", "expected"),
    [("abcd", "abcd", 1), ("abcd", "", 0), ("", "", 1), ("abcd", "abXcd", 0.8), ("ab", "cd", 0)],
)
def test_accuracy_is_one_less_the_edit_distance_over_the_longer(
    truth: str, read: str, expected: float
) -> None:
    assert accuracy(truth, read) == pytest.approx(expected)

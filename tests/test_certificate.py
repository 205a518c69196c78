"""A certificate says what a reader misreads, and by which checksums a later reading is right."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from support.text_readings import SAME_LENGTH, offsets_in, reading

from optical_memory.certificate import (
    WINDOW,
    Certificate,
    RungCertificate,
    agreements_in,
    certify_reading,
)
from optical_memory.errors import NewerFormat, ReadingFailed
from optical_memory.ledger import Ledger, LedgerSpan, splice
from optical_memory.measure.accuracy import accuracy
from optical_memory.readings import Reading
from optical_memory.spans import DOUBT, statuses


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
    text = "x" * 500 + "y" * 32 + "x" * 468
    start, end, share = certify_reading("small", truth, reading(text)).worst
    assert share == 0.5
    assert end - start == WINDOW
    assert start <= 500
    assert end >= 532


def test_the_worst_window_of_a_short_page_is_the_page() -> None:
    assert certify_reading("tiny", " abcd", reading(" abXd")).worst == (1, 5, 0.75)


def test_a_page_of_blanks_is_read_perfectly() -> None:
    got = certify_reading("tiny", " \n ", reading(" \n ", 1.0))
    assert (got.agreement, got.confidence) == (1.0, 1.0)
    assert (got.misread, got.worst) == ((), (0, 0, 1.0))


def test_a_reading_of_another_length_has_failed() -> None:
    with pytest.raises(ReadingFailed, match="3 characters for a page of 4"):
        certify_reading("tiny", "abcd", reading("abc"))
    with pytest.raises(ReadingFailed, match="3 characters for a page of 4"):
        statuses(4, Ledger(), None, reading("abc"))


def test_the_confidence_is_the_mean_of_the_ink() -> None:
    got = certify_reading("tiny", "a b", Reading("a b", np.array([0.5, 1.0, 0.7], np.float32)))
    assert got.confidence == pytest.approx(0.6)


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


@given(SAME_LENGTH)
def test_misread_is_exactly_where_the_texts_differ(pair: tuple[str, str]) -> None:
    truth, text = pair
    misread = certify_reading("tiny", truth, reading(text)).misread
    assert offsets_in(misread) == [i for i in range(len(truth)) if truth[i] != text[i]]
    assert all(a[1] < b[0] for a, b in pairwise(misread))


@given(SAME_LENGTH)
@example(("7" * 65, "a" + "7" * 63 + "a"))  # its worst window is better than the whole
def test_the_worst_window_is_the_first_of_the_worst_of_all_windows(pair: tuple[str, str]) -> None:
    truth, text = pair
    worst = certify_reading("tiny", truth, reading(text)).worst
    ink = [i for i, char in enumerate(truth) if not char.isspace()]
    width = min(WINDOW, len(ink))
    windows = [ink[i : i + width] for i in range(len(ink) - width + 1)] if ink else []
    shares = [sum(truth[i] == text[i] for i in window) / width for window in windows]
    assert worst[2] == pytest.approx(min(shares, default=1.0))
    if windows:
        first = windows[shares.index(min(shares))]
        assert worst[:2] == (first[0], first[-1] + 1)


def test_the_ledger_may_be_read_in_any_way_and_its_chunk_stays_verified() -> None:
    truth = "ab" * 64
    ledger = Ledger((LedgerSpan(3, 4, "unsure", "b"),))
    certified = reading(truth[:3] + "X" + truth[4:], 1.0)
    exact_text = splice(certified.text, ledger)
    certificate = certify_reading("tiny", truth, certified, text_with_ledger=exact_text)
    later = splice(truth[:3] + "Y" + truth[4:], ledger)
    assert certificate.confirms(later).sum() == len(truth) - 1


def test_a_chunk_that_reads_otherwise_than_the_right_text_holds_an_error_for_sure() -> None:
    truth = "ab" * 96  # three chunks
    certificate = certify_reading("tiny", truth, reading(truth, 1.0))
    later = truth[:70] + "X" + truth[71:]
    refuted = certificate.refutes(later)
    assert refuted.nonzero()[0].tolist() == list(range(64, 128))
    spans = statuses(len(truth), Ledger(), None, reading(later, 0.999), is_refuted=refuted)
    assert [(s.start, s.end, s.p < DOUBT) for s in spans] == [
        (0, 64, False),
        (64, 128, True),
        (128, 192, False),
    ]


def test_what_was_misread_may_read_in_any_way_and_the_rest_of_its_chunk_is_still_checked() -> None:
    truth = "ab" * 64
    certificate = certify_reading("tiny", truth, reading("Xb" + truth[2:], 1.0))
    for sign in "aXY":
        text = sign + truth[1:]
        assert not certificate.refutes(text).any()
        assert certificate.confirms(text).nonzero()[0].tolist() == list(range(1, len(truth)))
    assert certificate.refutes("aq" + truth[2:]).nonzero()[0].tolist() == list(range(64))
    assert not certificate.without(0, 10).refutes("q" * len(truth))[:64].any()


def test_an_older_certificate_has_checksums_of_the_reading_without_the_ledger() -> None:
    rungs = {"base": certify_reading("base", "abcd", reading("abcd"))}
    data = Certificate("r", "1", "int8", rungs).to_json()
    old = Certificate.from_json(data | {"v": 2})
    assert old.rungs["base"].checks_bare
    assert old.rungs["base"].confirms("abcd").all()
    assert not old.rungs["base"].refutes("abXd").any()
    assert old.to_json()["v"] == 2, "its checksums stay what they were"
    assert not Certificate.from_json(data).rungs["base"].checks_bare


def test_the_method_of_a_reading_is_kept_in_its_certificate() -> None:
    unusual = Reading("abcd", np.ones(4, np.float32), method="unguarded")
    rungs = {"base": certify_reading("base", "abcd", unusual)}
    data = json.loads(json.dumps(Certificate("r", "1", "int8", rungs).to_json()))
    assert Certificate.from_json(data).rungs["base"].method == "unguarded"


def test_a_forgotten_turn_leaves_no_checksum_and_the_rest_stays_verified() -> None:
    truth = "abcd" * 64
    certificate = Certificate(
        "r", "1", "int8", {"base": certify_reading("base", truth, reading(truth, 1.0))}
    )
    rest = Certificate.from_json(certificate.without(63, 70).to_json())
    assert rest.partial
    assert [check == 0 for check in rest.rungs["base"].checks] == [True, True, False, False]
    got = statuses(
        256,
        Ledger(),
        rest.rungs["base"].confirms(truth),
        reading(truth, 1.0),
        erased_ranges=[(63, 70)],
    )
    assert [(s.start, s.end, s.status) for s in got] == [
        (0, 63, "reconstructed"),
        (63, 70, "forgotten"),
        (70, 128, "reconstructed"),
        (128, 256, "verified"),
    ]


def test_a_certificate_of_the_first_format_verifies_nothing() -> None:
    rungs = {"base": certify_reading("base", "abcd", reading("abXd"))}
    data = Certificate("r", "1", "int8", rungs).to_json()
    old = data | {"v": 1, "rungs": [fields[:5] for fields in data["rungs"]]}
    proof = Certificate.from_json(old).rungs["base"]
    assert (proof.agreement, proof.misread) == (0.75, ((2, 3),))
    assert {
        span.status for span in statuses(4, Ledger(), proof.confirms("abXd"), reading("abXd", 1.0))
    } == {"reconstructed"}


def test_the_means_of_a_page_keep_two_decimals_after_a_turn_was_forgotten() -> None:
    rung = RungCertificate("tiny", 0.98765, (), (0, 64, 0.51999), 0.8999, (1, 2))
    rest = rung.without(10, 20)
    assert (rest.agreement, rest.confidence, rest.worst) == (0.98, 0.89, (0, 0, 0.51))
    assert rung.without(70, 80).worst == (0, 64, 0.51999)  # of other text: it stays


def test_misreadings_in_a_forgotten_turn_go_and_those_beside_it_stay() -> None:
    rung = RungCertificate("tiny", 0.5, ((0, 12), (14, 16), (18, 30)), (0, 0, 0.5), 0.5)
    assert rung.without(10, 20).misread == ((0, 10), (20, 30))
    assert rung.without(13, 17).misread == ((0, 12), (18, 30))


@pytest.mark.parametrize(
    ("truth", "text", "share"),
    [("abcd", "abcd", 1), ("abcd", "", 0), ("", "", 1), ("abcd", "abXcd", 0.8), ("ab", "cd", 0)],
)
def test_accuracy_is_one_less_the_edit_distance_over_the_longer(
    truth: str, text: str, share: float
) -> None:
    assert accuracy(truth, text) == pytest.approx(share)

"""Finding: pages and open turns that share a word with a question, as many as a budget can hold."""

from __future__ import annotations

from optical_memory.recall.candidates import documents, newest_pages
from optical_memory.recall.find import Hit, affordable, find
from optical_memory.session.records import PageRecord, TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import Turn


def record(n: int, text_tokens: int = 1_000, *words: str, **fields: object) -> PageRecord:
    terms = {"0": dict.fromkeys(words, 1)}
    defaults = {"id": f"p{n}", "ordinal": n, "digest": "", "terms": terms}
    return PageRecord.model_validate(defaults | {"text_tokens": text_tokens} | fields)


def pages(*records: PageRecord) -> Snapshot:
    return Snapshot(pages={page.id: page for page in records})


def with_open_turns(snapshot: Snapshot, *texts: str) -> Snapshot:
    turns = [TurnRecord.of(Turn("user", text), f"t{n}", n) for n, text in enumerate(texts)]
    return Snapshot(pages=snapshot.pages, turns={turn.id: turn for turn in turns})


def test_pages_and_open_turns_are_found_alike() -> None:
    snapshot = with_open_turns(pages(record(0, 9, "gate", "code")), "The gate is open.", "Noted.")
    assert {hit.id for hit in find(snapshot, "Which gate?", 5)} == {"p0", "turn t0"}
    assert [hit.id for hit in find(snapshot, "Which code?", 5)] == ["p0"]
    assert len(find(snapshot, "Which gate?", 1)) == 1
    assert find(snapshot, "zeppelin", 5) == []


def test_a_forgotten_page_is_no_candidate_unless_its_text_is_kept() -> None:
    without_text = record(0, 9, "gate", state="forgotten")
    with_text = record(1, 9, "gate", state="forgotten", lines=["gate"])
    assert list(documents(pages(without_text, with_text))) == ["p1"]
    assert [page.id for page in newest_pages(pages(without_text, with_text), 100)] == ["p1"]


def test_terms_of_one_letter_are_not_searched() -> None:
    snapshot = with_open_turns(pages(), "We go with plan b, not with plan c.", "Something else.")
    assert find(snapshot, "b or c?", 5) == []
    assert [hit.id for hit in find(snapshot, "plan b", 5)] == ["turn t0"]


def test_pages_of_the_same_score_come_in_the_order_of_their_ids() -> None:
    snapshot = pages(record(1, 9, "gate"), record(0, 9, "gate"), record(2, 9, "other"))
    assert [hit.id for hit in find(snapshot, "gate", 5)] == ["p0", "p1"]


def test_no_more_pages_are_found_than_the_budget_could_hold() -> None:
    hits = [Hit(f"p{n}", 12.0 - n) for n in range(12)] + [Hit("turn t1", 0.5)]
    snapshot = pages(*map(record, range(12)))

    def ids(budget: int) -> list[str]:
        return [hit.id for hit in affordable(snapshot, hits, budget)]

    assert ids(5_500) == ["p0", "p1", "p2", "p3", "p4", "turn t1"]
    assert ids(100) == ["p0", "p1", "p2", "turn t1"]


def test_find_holds_to_a_budget_if_there_is_one() -> None:
    snapshot = pages(*(record(n, 1_000, "gate") for n in range(8)), record(8, 9, "other"))
    assert len(find(snapshot, "gate", 8)) == 8
    assert len(find(snapshot, "gate", 8, budget=5_500)) == 5


def test_the_newest_pages_are_as_many_as_the_budget_could_hold() -> None:
    snapshot = pages(*map(record, range(12)))

    def ids(budget: int) -> list[str]:
        return [page.id for page in newest_pages(snapshot, budget)]

    assert ids(0) == []
    assert ids(1) == ["p11"]
    assert ids(2_500) == ["p11", "p10", "p9"]
    assert len(ids(10**6)) == 12


def test_a_page_whose_cost_is_unknown_uses_the_budget_too() -> None:
    snapshot = pages(*(record(n, 0) for n in range(12)))
    assert len(newest_pages(snapshot, 5)) == 5

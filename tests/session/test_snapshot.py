"""Snapshots: the same session however it was read, damage noticed at once, nothing done twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory import Attachment, ToolCall, Turn
from optical_memory.errors import NewerFormat, StoreError
from optical_memory.session.records import (
    PageRecord,
    SessionRecord,
    TurnRecord,
    load_record,
    page_key,
    put,
    turn_key,
)
from optical_memory.session.snapshot import RECORD_KINDS, Change, Snapshot
from optical_memory.session.turn_heads import check_page, turn_head
from optical_memory.stores import Delete, Put, Version


def turn(ordinal: int, **fields: Any) -> TurnRecord:
    values = {"id": f"t{ordinal}", "role": "user", "digest": "", "text": "x"} | fields
    return TurnRecord(ordinal=ordinal, **values)


def page(ordinal: int, **fields: Any) -> PageRecord:
    return PageRecord(id=f"{ordinal:07d}", ordinal=ordinal, digest="d", **fields)


def after(*commits: list[Change]) -> Snapshot:
    snapshot = Snapshot(Version("e", 0))
    for n, changes in enumerate(commits):
        snapshot = snapshot.after(changes, Version("e", n + 1))
    return snapshot


def read_whole(commits: list[list[Change]]) -> Snapshot:
    """The session as an archive reads it from a store that has these commits."""
    records: dict[Any, dict[str, bytes]] = {kind: {} for kind in [*RECORD_KINDS, "index"]}
    for changes in commits:
        for change in changes:
            if isinstance(change, Put):
                records[change.kind][change.key] = change.value
            else:
                records[change.kind].pop(change.key, None)
    pairs = {kind: sorted(values.items()) for kind, values in records.items()}
    index = pairs.pop("index")
    return Snapshot.of(pairs, Version("e", len(commits)), lambda: index)


def content(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "turns": dict(snapshot.turns),
        "pages": dict(snapshot.pages),
        "keys": dict(snapshot.keys),
        "open": [record.id for record in snapshot.open_turns()],
        "index": dict(snapshot.index),
        "damage": dict(snapshot.damage),
        "next page": snapshot.next_page,
        "damaged ids": snapshot.damaged_turn_ids(),
        "next turn": snapshot.session.next_turn,
    }


# ---- read as a whole or change by change ---------------------------------------------------------

SPANS = {"spans": [["t0", 0, 0, 0, 5], ["t1", 1, 5, 0, 9], ["t2", 2, 9, 0, 12]]}

steps = st.sampled_from(
    [
        *(put(turn(n)) for n in range(4)),
        *(put(turn(n, sealed=True, text=None, pages=["0000001"])) for n in range(3)),
        put(turn(1, forgotten=True, text=None)),
        put(turn(3, id="t1~2", host_id="t1", v=2)),
        put(turn(2, id="another")),
        *(Put("turn", turn_key(n), b"{") for n in range(2)),
        Delete("turn", turn_key(1)),
        *(put(page(n, layout=SPANS)) for n in range(3)),
        Put("page", "0000002", b"{"),
        Delete("page", "0000001"),
        put(SessionRecord(next_turn=4, salt="00")),
        Put("session", "session", b"{"),
        Put("index", "a", b"\x00"),
        Put("index", "b", b"\x01"),
        Delete("index", "a"),
    ]
)


@given(commits=st.lists(st.lists(steps, max_size=5), max_size=6))
@settings(deadline=None, max_examples=300)
def test_a_session_is_the_same_read_as_a_whole_or_change_by_change(commits: list[list[Change]]):
    assert content(after(*commits)) == content(read_whole(commits))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_edits_are_known_by_the_hosts_id_in_any_order_of_writing(order: tuple[int, ...]):
    records = [
        turn(0, id="a"),
        turn(1, id="a~2", host_id="a", v=2),
        turn(2, id="a~3", host_id="a", v=2),
    ]
    snapshot = after(*([put(records[n])] for n in order))
    whole = read_whole([[put(record) for record in records]])
    assert set(snapshot.aliases["a"]) == set(whole.aliases["a"]) == {"a~2", "a~3"}
    assert whole.aliases["a"] == ("a~2", "a~3")
    assert dict(snapshot.host_ids) == dict(whole.host_ids) == {"a~2": "a", "a~3": "a"}


def test_an_id_of_schema_1_is_an_edits_only_if_the_first_version_came_before():
    edit_after = [put(turn(0, id="a")), put(turn(1, id="a~2"))]
    edit_before = [put(turn(0, id="a~2")), put(turn(1, id="a"))]
    for read in (lambda changes: after(changes), lambda changes: read_whole([changes])):
        assert dict(read(edit_after).aliases) == {"a": ("a~2",)}
        assert dict(read(edit_before).aliases) == {}


def test_a_snapshot_stays_as_it_is_when_the_session_goes_on():
    old = after([put(turn(n)) for n in range(3)], [put(page(0))])
    before = content(old)
    new = old.after(
        [put(turn(3)), Delete("page", "0000000"), put(turn(0, sealed=True))], old.version
    )
    assert content(old) == before
    assert [record.id for record in new.open_turns()] == ["t1", "t2", "t3"]


def test_what_a_change_would_replace_is_told_in_bytes():
    record = turn(0)
    snapshot = after([put(record), put(page(0)), Put("index", "a", b"\x00")])
    assert snapshot.record(put(turn(0, text="new"))) == record.dump()
    assert snapshot.record(Delete("page", "0000000")) == page(0).dump()
    assert snapshot.record(put(turn(1))) is None
    assert snapshot.record(Put("picture", "0000000/large", b"x")) is None


def test_turns_on_a_page_are_found_by_the_page():
    sealed = [turn(n, sealed=True, pages=[f"{n // 2:07d}", f"{n // 2 + 1:07d}"]) for n in range(6)]
    snapshot = after([put(record) for record in [*sealed, turn(6, text='"0000001"')]])
    assert [record.id for record in snapshot.turns_on("0000001")] == ["t0", "t1", "t2", "t3"]
    assert snapshot.turns_on("0000009") == []


# ---- the index -----------------------------------------------------------------------------------


def test_the_index_is_read_only_if_somebody_asks_for_it():
    def load() -> Any:
        raise StoreError("nobody should ask")

    snapshot = Snapshot.of({"turn": [(turn_key(0), turn(0).dump())]}, Version("e", 1), load)
    newer = snapshot.after([put(turn(1)), Put("index", "a", b"\x00")], Version("e", 2))
    assert len(newer.open_turns()) == 2
    with pytest.raises(StoreError, match="nobody should ask"):
        len(newer.index)


# ---- damage --------------------------------------------------------------------------------------


def test_the_stand_in_of_a_damaged_session_record_keeps_its_salt():
    damaged = after([put(turn(4)), Put("session", "session", b"{")])
    assert (damaged.is_session_damaged, damaged.session.next_turn) == (True, 5)
    next_one = damaged.after([put(turn(5))], Version("e", 2))
    assert (next_one.session.next_turn, next_one.session.salt) == (6, damaged.session.salt)


def test_a_record_of_a_newer_version_is_refused_however_it_is_read():
    newer = json.dumps({**json.loads(turn(0).dump()), "v": 99, "mood": "calm"}).encode()
    for value in (newer, json.dumps({**json.loads(turn(0).dump()), "v": 99}).encode()):
        change = Put("turn", turn_key(0), value)
        with pytest.raises(NewerFormat, match="schema 99"):
            after([change])
        with pytest.raises(NewerFormat, match="schema 99"):
            read_whole([[change]])


HOUR = timezone(timedelta(hours=5, minutes=30))
turns = st.builds(
    Turn,
    role=st.sampled_from(["user", "assistant", "tool", "system"]),
    text=st.text(max_size=20),
    name=st.one_of(st.none(), st.text(max_size=3)),
    when=st.one_of(st.none(), st.datetimes(timezones=st.sampled_from([None, UTC, HOUR]))),
    tool_calls=st.lists(st.builds(ToolCall, st.text(max_size=3), st.text(max_size=5))).map(tuple),
    attachments=st.lists(
        st.builds(Attachment, st.just("image"), st.text(max_size=5), st.none())
    ).map(tuple),
)


@given(value=turns, is_sealed=st.booleans(), is_forgotten=st.booleans())
@settings(deadline=None, max_examples=200)
def test_the_head_of_a_turn_says_what_its_record_says(
    value: Turn, is_sealed: bool, is_forgotten: bool
):
    record = TurnRecord.of(value, "t7", 7).model_copy(
        update={"sealed": is_sealed, "forgotten": is_forgotten}
    )
    head = turn_head(record.dump())
    assert (head.id, head.sealed, head.forgotten, head.host_id, head.v) == (
        "t7",
        is_sealed,
        is_forgotten,
        None,
        record.v,
    )


TURN = turn(
    7,
    when=datetime(2023, 5, 8, tzinfo=UTC),
    name="Mel",
    pages=["0000001"],
    tool_calls=[ToolCall("find", "{}", "c1")],
    attachments=[Attachment("image", "a.png", "cats")],
).dump()
PAGE = page(
    7,
    layout={"spans": [["t7", 7, 0, 0, 5]], "rows": 3},
    lines=["a", "é"],
    ledger={"spans": [[0, 1]]},
    certificate={"rungs": [{"agreement": 1.0}]},
    first_when=datetime(2023, 5, 8, tzinfo=UTC),
).dump()
damages = st.one_of(
    st.tuples(st.integers(0, 400), st.integers(0, 7)).map(
        lambda place: lambda data: _with_bit(data, *place)
    ),
    st.integers(0, 400).map(lambda n: lambda data: data[:n]),
)


def _with_bit(data: bytes, place: int, bit: int) -> bytes:
    n = place % len(data)
    return data[:n] + bytes([data[n] ^ (1 << bit)]) + data[n + 1 :]


def problem(check: Any, data: bytes) -> str | None:
    try:
        check(data)
    except (StoreError, NewerFormat) as error:
        return str(error)
    return None


@given(damage=damages)
@settings(deadline=None, max_examples=600)
def test_damage_is_found_at_a_quick_look_too(damage: Any):
    """Whatever pydantic refuses, the quick look refuses, with pydantic's reason."""
    turn_data = damage(TURN)
    expected = problem(lambda data: load_record(TurnRecord, data), turn_data)
    assert problem(turn_head, turn_data) == expected
    page_data = damage(PAGE)
    expected = problem(lambda data: load_record(PageRecord, data), page_data)
    told = problem(lambda data: check_page(page_key(7), data), page_data)
    assert told == expected or (expected is None and "a key that is not its own" in str(told))

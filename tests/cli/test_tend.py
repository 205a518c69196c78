"""The commands that look after a session: fade, inspect, stats, check, forget."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from support.shell import Shell

from optical_memory import OpticalMemory, Turn
from optical_memory.loaders import load
from optical_memory.stores import Delete, open_store
from optical_memory.testing import TemplateReader

# ---- fade and stats ------------------------------------------------------------------------------


def test_fading_tells_what_changed(full: Shell) -> None:
    old = full.json("stats")
    answer = full.json("fade", "--capacity", "150", "--yes")
    new = full.json("stats")

    assert answer["rows"]
    assert answer["visual_tokens"] == new["visual_tokens"] <= 150 < old["visual_tokens"]


def test_fading_and_stats_are_shown_to_people(full: Shell) -> None:
    code, out, _ = full.on_store("fade", "--capacity", "150", "--yes")
    assert (code, "pages faded" in out, "0000000" in out) == (0, True, True)

    code, out, _ = full.on_store("stats")
    assert (code, "90, " in out, "visual tokens" in out) == (0, True, True)


def test_stats_tell_what_waits_for_the_background(full: Shell) -> None:
    counts = full.json("stats")
    assert (counts["waiting"], counts["lag_seconds"]) == ({}, 0.0)
    with closing(open_store(full.store)) as store:
        memory = OpticalMemory("default", store=store, reader=TemplateReader(), background=False)
        memory.remember([Turn("user", f"Parcel {i} waits at gate {i}.") for i in range(90)])
    counts = full.json("stats")
    assert counts["waiting"]["seal"] >= 1
    assert counts["lag_seconds"] > 0
    assert f"{counts['waiting']['seal']} to seal; the oldest for" in full.on_store("stats")[1]


def test_fading_without_a_capacity_loses_nothing_and_does_not_ask(full: Shell) -> None:
    answer = full.json("fade")
    assert answer["capacity"] is None
    assert answer["lost"] == dict.fromkeys(("condensed", "stubs", "forgotten", "facts", "turns"), 0)


def test_pages_are_lost_only_with_a_word_of_the_user(full: Shell) -> None:
    old = full.json("stats")
    code, _, err = full.on_store("fade", "--capacity", "20")
    assert code == 1
    assert "this would lose" in err
    assert "--yes" in err
    assert full.json("stats")["pages"] == old["pages"]

    dry = full.json("fade", "--capacity", "20", "--dry-run")
    assert full.json("stats")["pages"] == old["pages"]
    assert dry["lost"]["stubs"] + dry["lost"]["forgotten"] > 0
    done = full.json("fade", "--capacity", "20", "--yes")
    assert (done["rows"], done["lost"]) == (dry["rows"], dry["lost"])


@pytest.mark.parametrize("capacity", ["20", "400"])
def test_a_dry_run_says_from_where_each_page_would_fade_where_to_and_why(
    full: Shell, capacity: str
) -> None:
    forms = {row["page"]: row["rung"] for row in full.json("inspect")["rows"]}
    rows = full.json("fade", "--capacity", capacity, "--dry-run")["rows"]
    again = full.json("fade", "--capacity", capacity, "--dry-run")["rows"]

    assert rows
    assert rows == again
    for row in rows:
        assert list(row) == ["page", "from", "to", "reason"]
        assert row["from"] == forms[row["page"]] != row["to"]
        assert row["reason"].startswith("capacity: ")
    code, out, _ = full.on_store("fade", "--capacity", capacity, "--dry-run")
    assert (code, "pages would fade" in out, "capacity" in out) == (0, True, True)


# ---- inspect -------------------------------------------------------------------------------------


def test_every_page_is_listed_with_its_rung(full: Shell) -> None:
    rows = full.json("inspect")["rows"]

    assert rows
    assert [row["page"] for row in rows] == [f"{i:07d}" for i in range(len(rows))]
    assert {row["rung"] for row in rows} == {"large"}
    assert {row["visual_tokens"] for row in rows} == {73}
    assert {row["agreement"] for row in rows} == {1.0}
    assert list(rows[0]) == ["page", "state", "rung", "visual_tokens", "text_tokens", "agreement"]


def test_a_page_shows_its_certificate_its_facts_and_its_text(shell: Shell, log: str) -> None:
    reader = TemplateReader(misread={"tiny": 0.2})
    with OpticalMemory("default", store=shell.store, reader=reader, keep_turns=5) as memory:
        memory.remember(load(log)[0].turns)
    page = shell.json("inspect", "1")

    assert page["page"] == "0000000"
    agreements = {rung["rung"]: rung["agreement"] for rung in page["certificate"]}
    assert agreements["large"] == 1.0
    assert agreements["tiny"] < 0.95
    assert page["certified_by"] == "template@1, int8"
    assert page["ledger"]["identifier"] > 5
    assert "".join(page["text"][start:end] for start, end, *_ in page["spans"]) == page["text"]
    assert shell.json("inspect", "0000000")["text"] == page["text"]


def test_the_fields_of_a_page_stay_as_they_are(full: Shell) -> None:
    page = full.json("inspect", "1")

    facts = ["page", "state", "rung", "visual_tokens", "text_tokens", "agreement"]
    facts += ["first", "last", "turns", "text_kept", "certificate", "certified_by", "partial"]
    facts += ["ledger", "keywords", "text", "spans"]
    assert list(page)[5:] == facts  # after the head
    assert list(page["certificate"][0]) == ["rung", "agreement", "worst", "sure"]


def test_a_page_is_shown_to_people(full: Shell) -> None:
    code, out, _ = full.on_store("inspect", "1")

    assert code == 0
    assert "certificate" in out
    assert "PX-700" in out


def test_a_page_that_there_is_not_is_one_line_that_says_which_there_are(full: Shell) -> None:
    n_pages = len(full.json("inspect")["rows"])
    for page in ("0", "99", "000", "x"):
        code, out, err = full.on_store("inspect", page)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert f"no page {page!r} in session 'default'; it has pages 1 to {n_pages}" in err


# ---- check ---------------------------------------------------------------------------------------


def test_a_whole_store_checks_out(full: Shell) -> None:
    assert full.json("check") | {"seconds": 0} == full.json("check", "--repair") | {"seconds": 0}
    assert full.json("check")["ok"]


def test_a_problem_is_told_with_exit_code_1_until_it_is_mended(full: Shell) -> None:
    with closing(open_store(full.store)) as store:
        store.commit("default", [Delete("picture", "0000000/large")])

    code, out, _ = full.on_store("check", "--json")
    assert code == 1
    assert "0000000" in json.loads(out)["rows"][0]["problem"]
    code, out, _ = full.on_store("check", "--repair", "--json")
    assert (code, json.loads(out)["rows"][0]["mended"]) == (0, True)
    assert full.json("check")["ok"]


# ---- forget --------------------------------------------------------------------------------------


def test_a_forgotten_page_is_gone(full: Shell) -> None:
    full.json("forget", "--page", "1")

    assert full.json("stats")["forgotten"][0]["page"] == "0000000"
    code, _, err = full.on_store("forget", "--page", "1")
    assert (code, err.count("\n")) == (1, 1)
    assert full.json("inspect", "1")["state"] == "forgotten"


def test_a_forgotten_turn_is_nowhere(full: Shell) -> None:
    assert "PX-712" in full.json("recall", "parcel PX-712")["rows"][0]["text"]
    full.json("forget", "--turn", "m12")

    rows = full.json("recall", "parcel PX-712")["rows"]
    assert rows
    assert all("PX-712" not in row["text"] for row in rows)


def test_forgetting_a_turn_says_how_many_versions_went(full: Shell) -> None:
    with OpticalMemory(store=full.store, reader=TemplateReader(), background=False) as memory:
        (id,) = memory.recall("parcel PX-712", 1)[0].turns
        memory.remember(Turn("user", "Parcel 12 went to Oslo.", id=id))
    assert full.json("stats")["superseded_turns"] == 1
    code, out, _ = full.on_store("forget", "--turn", "m12")
    assert (code, out.strip()) == (0, "forgot turn 'm12', 2 versions")
    stats = full.json("stats")
    assert (stats["superseded_turns"], stats["forgotten_turns"]) == (0, 2)
    assert "superseded, forgotten turns" in full.on_store("stats")[1]


def test_a_superseded_turn_is_handed_over_no_more(full: Shell) -> None:
    code, out, _ = full.on_store("supersede", "m12", "m13")
    assert (code, out.strip()) == (0, "turn 'm12' is superseded by 'm13'")
    rows = full.json("recall", "parcel PX-712")["rows"]
    assert any(row["parts"][0]["id"].endswith("/m13") for row in rows)
    assert all("PX-712" not in row["text"] for row in rows)
    code, _, err = full.on_store("supersede", "m12", "nobody")
    assert (code, err.count("\n")) == (1, 1)


def test_forgetting_wants_one_thing_named(full: Shell) -> None:
    assert full.on_store("forget")[0] == 2
    assert full.on_store("forget", "--page", "1", "--whole-session")[0] == 2
    assert full.json("stats")["forgotten"] == []


@pytest.mark.parametrize("name", ["[/x]", "[bold red]", "a\x1b[31mb", "日本 [link=x]"])
def test_a_session_may_have_any_name(shell: Shell, name: str) -> None:
    with OpticalMemory(
        name, store=shell.store, reader=TemplateReader(), background=False
    ) as memory:
        memory.remember(Turn("user", f"the gate code {name}"))
    for words in (["stats"], ["recall", "gate"], ["context"], ["fade"], ["check"], ["inspect"]):
        code, out, err = shell.on_store(*words, "--session", name)
        assert (code, "\x1b" in out + err) == (0, False)

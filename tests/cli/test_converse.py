"""The commands remember, recall and context on a real store."""

from __future__ import annotations

import io
import json
import sys
from itertools import product
from pathlib import Path

import pytest
from support.shell import Shell

from optical_memory.stores import open_store

# ---- remember and recall -------------------------------------------------------------------------


def test_a_file_is_remembered_and_recalled(full: Shell) -> None:
    answer = full.json("recall", "parcel PX-712", "-k", "2")

    assert answer["query"] == "parcel PX-712"
    best = answer["rows"][0]
    assert "PX-712" in best["text"]
    assert best["rung"] == "large"
    assert best["verified"] == 1.0
    assert len(answer["rows"]) == 2


def test_times_of_turns_are_json_too(shell: Shell, tmp_path: Path) -> None:
    message = {"role": "user", "content": "The gate code is 4417.", "created_at": 1_772_532_000}
    file = tmp_path / "timed.json"
    file.write_text(json.dumps([message]), encoding="utf-8")
    shell.json("remember", str(file))
    (row,) = shell.json("recall", "gate code")["rows"]
    assert row["parts"][0]["when"] == "2026-03-03T10:00:00+00:00"


def test_recall_tells_people_where_it_comes_from_and_how_sure_it_is(full: Shell) -> None:
    code, out, _ = full.on_store("recall", "parcel PX-712", "-k", "1")

    assert code == 0
    assert "read from large" in out
    assert "certainty" in out
    assert "PX-712" in out


def stdin(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfOpen\r\nShut\r\n",
        "\ufeffOpen\r\nShut\r\n".encode("utf-16-le"),
    ],
)
def test_stdin_of_a_windows_shell_has_neither_its_mark_nor_its_line_ends(
    content: bytes, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(content))
    shell.json("remember")

    assert shell.json("recall", "open")["rows"][0]["text"] == "Open\nShut"


def test_stdin_is_one_turn(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(b"the gate code is 4417#\n"))
    answer = shell.json("remember", "--role", "assistant")

    assert len(answer["turns"]) == 1
    assert shell.json("recall", "gate code")["rows"][0]["text"] == "the gate code is 4417#"


def test_empty_stdin_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(b""))

    assert shell.on_store("remember")[0] == 1


def test_of_several_conversations_one_must_be_chosen(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "share.json"
    chats = [
        {"id": f"c{i}", "conversations": [{"from": "human", "value": f"gate {i}"}]}
        for i in range(3)
    ]
    file.write_text(json.dumps(chats), encoding="utf-8")

    code, _, err = shell.on_store("remember", str(file))
    assert (code, "3 conversations" in err) == (1, True)
    code, _, err = shell.on_store("remember", str(file), "--conversation", "4")
    assert (code, "no number 4" in err) == (1, True)
    shell.json("remember", str(file), "--conversation", "2")
    assert [row["text"] for row in shell.json("recall", "gate")["rows"]] == ["gate 1"]


def test_sessions_are_kept_apart(full: Shell, log: str) -> None:
    full.json("remember", log, "--session", "other", "--keep-turns", "5")
    full.json("forget", "--whole-session")

    assert full.json("stats", "--session", "other")["sessions"] == ["other"]


def test_the_ledger_has_all_exact_facts_if_asked(
    shell: Shell, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTICAL_MEMORY_READER", "support.readers.cell_reader:CellReader")
    shell.json("remember", log, "--session", "few", "--keep-turns", "5")
    shell.json("remember", log, "--session", "all", "--keep-turns", "5", "--ledger", "all")

    assert shell.json("stats", "--session", "few")["ledger_tokens"] == 0
    assert shell.json("stats", "--session", "all")["ledger_tokens"] > 0
    code, _, err = shell.on_store("remember", log, "--ledger", "some")
    assert (code, "'all'" in err) == (2, True)


# ---- context -------------------------------------------------------------------------------------


def test_a_context_keeps_its_budget(full: Shell) -> None:
    context = full.json("context", "parcel PX-712", "--budget", "600")

    assert 0 < context["tokens"] <= 600
    assert "PX-712" in json.dumps(context["messages"])
    assert 0 < sum(row["tokens"] for row in context["rows"]) <= context["tokens"]


@pytest.fixture
def large_pages(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose store has full-size pages of prose: a picture costs less than the text."""
    monkeypatch.setenv("OPTICAL_MEMORY_READER", "support.readers.full_size:FullSizeReader")
    words = ["".join(letters) + "nork" for letters in product("bcdfghj", repeat=3)]
    messages = [
        {"role": "user", "content": f"The parcel of {word} waits beside the others at the gate."}
        for word in words
    ]
    file = tmp_path / "prose.json"
    file.write_text(json.dumps(messages), encoding="utf-8")
    shell.json("remember", str(file), "--keep-turns", "5")
    return shell


def test_a_context_of_visual_tokens_has_no_messages(large_pages: Shell) -> None:
    context = large_pages.json("context", "parcel at the gate", "--mode", "tokens")

    assert context["messages"] is None
    assert any(row["kind"] == "passage" and row["side_px"] == 1024 for row in context["rows"])


def test_a_context_of_pictures_costs_what_the_provider_bills(large_pages: Shell) -> None:
    def tokens(provider: str) -> list[int]:
        words = ("context", "parcel at the gate", "--mode", "image", "--provider", provider)
        rows = large_pages.json(*words)["rows"]
        return [row["tokens"] for row in rows if row["kind"] == "passage" and row["side_px"]]

    openai = tokens("openai")
    gemini = tokens("gemini")
    assert openai
    assert gemini
    assert min(gemini) > 1_000 > max(openai)


def test_a_context_for_a_model_that_looks_has_sheets_and_others_have_text(
    large_pages: Shell,
) -> None:
    def n_sheets(*words: str) -> int:
        options = ("--mode", "auto", "--budget", "2000", *words)
        rows = large_pages.json("context", "parcel at the gate", *options)["rows"]
        return sum(row["sheets"] for row in rows if row["kind"] == "passage")

    assert n_sheets("--model", "claude-opus-5-5") > 0
    assert n_sheets("--host", "claude-5") > 0
    assert n_sheets("--model", "llama-4") == n_sheets() == 0


def test_a_context_is_shown_to_people(full: Shell) -> None:
    code, out, _ = full.on_store("context", "parcel PX-712", "--budget", "600")

    assert code == 0
    assert "of 600 tokens" in out
    assert "PX-712" in out


def test_commands_that_read_change_nothing(full: Shell) -> None:
    store = open_store(full.store)
    version = store.version("default")
    for words in (
        ["recall", "parcel"],
        ["context"],
        ["inspect"],
        ["inspect", "1"],
        ["stats"],
        ["check"],
    ):
        full.json(*words)

    assert store.version("default") == version
    store.close()

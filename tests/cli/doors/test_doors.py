"""The commands remember and import on files with several conversations, and on whole places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.shell import Shell

from optical_memory import OpticalMemory, Turn


@pytest.fixture
def two_chats(tmp_path: Path) -> Path:
    """A file of two conversations, whose messages have the same ids."""
    words = {"x": ("The gate code is 4417.", "Noted."), "y": ("Shall we plant beans?", "Peas.")}
    data = [
        {
            "id": name,
            "messages": [
                {"id": str(i), "role": role, "content": text}
                for i, (role, text) in enumerate(zip(("user", "assistant"), texts, strict=True))
            ],
        }
        for name, texts in words.items()
    ]
    path = tmp_path / "chats" / "two.json"
    path.parent.mkdir()
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_two_conversations_of_a_file_are_kept_apart_in_one_session(shell: Shell, two_chats: Path):
    new = [
        shell.json("remember", str(two_chats), "--conversation", n)["new"]
        for n in ("1", "2", "1", "2")
    ]
    assert new == [2, 2, 0, 0]
    assert shell.json("recall", "gate code")["rows"][0]["text"] == "The gate code is 4417."
    assert shell.json("recall", "beans")["rows"][0]["text"] == "Shall we plant beans?"


def test_the_same_file_again_says_that_it_adds_nothing(shell: Shell, two_chats: Path):
    words = ("remember", str(two_chats), "--conversation", "1")
    assert "read as rows of messages: 2 turns" in shell.on_store(*words)[1]
    _, out, _ = shell.on_store(*words)
    assert "remembered 0 new turns, 2 were there already" in out


def test_every_conversation_of_a_file_may_have_its_session(shell: Shell, two_chats: Path):
    answer = shell.json("remember", str(two_chats), "--session-per-conversation")
    assert [row["session"] for row in answer["rows"]] == ["default/x", "default/y"]
    assert (answer["new"], len(answer["turns"])) == (4, 4)
    rows = shell.json("recall", "gate code", "--session", "default/x")["rows"]
    assert rows[0]["text"] == "The gate code is 4417."


@pytest.mark.parametrize("command", ["remember", "import"])
def test_a_command_may_wait_longer_than_a_turn(
    shell: Shell, two_chats: Path, monkeypatch: pytest.MonkeyPatch, command: str
):
    deadlines: list[float | None] = []
    remember = OpticalMemory.remember

    def note(memory: OpticalMemory, turns: Sequence[Turn]) -> list[str]:
        deadlines.append(memory.deadline)
        return remember(memory, turns)

    monkeypatch.setattr(OpticalMemory, "remember", note)
    options = ["--session-per-conversation"] if command == "remember" else []
    assert shell.on_store(command, str(two_chats), *options)[0] == 0
    assert deadlines == [None, None]


def test_an_imported_folder_has_a_session_for_each_conversation(shell: Shell, two_chats: Path):
    (two_chats.parent / "settings.json").write_text('{"theme": "dark"}', encoding="utf-8")
    first, again = (shell.json("import", str(two_chats.parent)) for _ in range(2))
    assert [(row["session"], row["new"]) for row in first["sessions"]] == [
        ("chats/x", 2),
        ("chats/y", 2),
    ]
    assert [row["new"] for row in again["sessions"]] == [0, 0]
    assert [(row["file"], row["turns"]) for row in first["rows"]] == [("two.json", 4)]
    assert list(first["refused"]) == ["settings.json"]


def test_a_dry_run_keeps_nothing(shell: Shell, two_chats: Path):
    answer = shell.json("import", str(two_chats.parent), "--dry-run", "--session", "s")
    assert ([row["turns"] for row in answer["rows"]], answer["sessions"]) == ([4], [])
    code, _, err = shell.on_store("stats", "--session", "s/x")
    assert (code, "no session" in err) == (1, True)


def test_people_see_what_was_imported_and_what_was_passed_over(shell: Shell, two_chats: Path):
    (two_chats.parent / "settings.json").write_text('{"theme": "dark"}', encoding="utf-8")
    code, out, _ = shell.on_store("import", str(two_chats.parent))
    assert code == 0
    assert "4 new turns in 2 sessions" in out
    assert "passed over: settings.json" in out


def test_a_place_without_a_conversation_is_an_error(shell: Shell, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    code, _, err = shell.on_store("import", str(tmp_path / "empty"))
    assert (code, "no conversation in it" in err) == (1, True)


def test_people_see_what_was_left_out_and_why_but_no_marks(shell: Shell, tmp_path: Path):
    messages = [
        {
            "role": "user",
            "type": "message",
            "content": "The gate code is 4417.",
            "mood": "cheerful",
        },
        {"role": "assistant", "content": ""},
    ]
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(messages), encoding="utf-8")
    lines = shell.on_store("remember", str(path))[1].splitlines()
    assert [line.split(" (first")[0] for line in lines if line.startswith("left out")] == [
        "left out once: the message is empty",
        "left out once: not a part of the conversation",
    ]

"""What was forgotten does not come back when a host sends its history again."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.memories import Open
from support.secret_turn import raw

from optical_memory import OpticalMemory, Turn
from optical_memory.loaders import load_file
from optical_memory.session.corrections import tombstones
from optical_memory.session.corrections.tombstones import KEY_VARIABLE, keyed_digest

SECRET = "My PIN is 8412, nobody else knows it."


def history(*, ids: bool, n: int = 30) -> list[Turn]:
    """A conversation with the secret in its third turn."""
    texts = ["Good morning.", "Hello! What can I do?", SECRET, "I keep it.", "Yes."]
    texts += [f"Topic{i} is on shelf {i * 3}, beside the apples." for i in range(n)]
    roles = ("user", "assistant")
    return [
        Turn(roles[i % 2], text, id=f"m{i}" if ids else None)  # type: ignore[arg-type]
        for i, text in enumerate(texts)
    ]


def comes_back(memory: OpticalMemory, url: str) -> bool:
    recalled = memory.recall("PIN 8412 nobody", 5, superseded=True)
    return b"PIN is" in raw(url) or any("8412" in found.text for found in recalled)


@pytest.mark.parametrize("state", ["open", "sealed", "certified"])
@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("verb", ["sync", "remember"])
def test_the_same_history_brings_nothing_back(
    opened: Open, url: str, verb: str, ids: bool, state: str
):
    memory = opened(keep_turns=10**6 if state == "open" else 0)
    turns = history(ids=ids)
    id = getattr(memory, verb)(turns)[2]
    memory.seal()
    if state == "certified":
        memory.flush()
    memory.forget(turn=id)
    others = [turn for turn in turns if turn.text != SECRET]
    for again in (memory, opened()):
        for lists in (turns, [*turns, Turn("user", "More.")], turns[:4], turns[1:], others, turns):
            getattr(again, verb)(lists)
            assert not comes_back(again, url)
    if verb == "remember":
        assert memory.check() == []


@pytest.mark.parametrize("verb", ["sync", "remember"])
def test_a_forgotten_id_stays_forgotten_with_another_text(opened: Open, url: str, verb: str):
    memory = opened()
    turns = history(ids=True)
    getattr(memory, verb)(turns)
    memory.forget(turn="m2")
    edited = Turn("user", "My PIN is not 8412 any more.", id="m2")
    ids = getattr(memory, verb)([*turns[:2], edited, *turns[3:]])
    assert ids[2] == "m2"
    assert not comes_back(memory, url)
    memory.remember(Turn("user", "My PIN is 8412 under a new id.", id="new"))
    assert comes_back(memory, url), "a new id is a new statement"


@pytest.mark.parametrize("verb", ["sync", "remember"])
def test_the_log_says_how_many_turns_were_passed_over(
    opened: Open, caplog: pytest.LogCaptureFixture, verb: str
):
    memory = opened()
    turns = history(ids=False)
    ids = getattr(memory, verb)(turns)
    memory.forget(turn=ids[2])
    memory.forget(turn=ids[1])
    with caplog.at_level(logging.INFO, "optical_memory"):
        getattr(memory, verb)(turns)
    assert "session 'alice': 2 turns passed over, for they are forgotten" in caplog.messages
    assert not any("8412" in message for message in caplog.messages)
    assert memory.stats().forgotten_turns == 2


def test_a_short_answer_that_was_forgotten_may_be_given_to_another_question(opened: Open):
    memory = opened()
    ids = memory.remember(history(ids=False))
    memory.forget(turn=ids[4])
    n_turns = memory.stats().turns
    memory.remember([Turn("assistant", "Shall I book the flight?"), Turn("user", "Yes.")])
    assert memory.stats().turns == n_turns + 2
    memory.remember(history(ids=False)[:5])
    assert memory.stats().turns == n_turns + 6, "the answer to the same question stays forgotten"


def test_a_message_of_a_list_that_says_the_same_later_is_kept(opened: Open):
    memory = opened()
    turns = history(ids=False)
    ids = memory.sync(turns)
    memory.forget(turn=ids[2])
    longer = memory.sync([*turns, Turn("user", "Once more."), Turn("user", SECRET)])
    assert longer[:-2] == ids
    assert longer[-1] not in ids
    assert memory.recall("PIN 8412")[0].turns == (longer[-1],)


def test_turns_of_a_forgotten_page_do_not_come_back(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember(history(ids=False))
    memory.flush()
    memory.forget(page=memory.pages()[0].id)
    opened().remember(history(ids=False)[:3])
    assert not comes_back(memory, url)


def test_a_page_with_an_older_version_may_go_without_the_turn(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember(history(ids=True))
    memory.flush()
    memory.remember(Turn("user", "I have no number like that.", id="m2"))
    memory.forget(page=memory.pages()[0].id)
    assert memory.remember(Turn("user", SECRET, id="m2")) == ["m2"]
    assert not comes_back(memory, url)
    memory.remember(Turn("user", "The zebra has a number.", id="m2"))
    assert [found.text for found in memory.recall("zebra", 1)] == ["The zebra has a number."]


def test_the_store_alone_confirms_no_guess(opened: Open, url: str, forget_key: str):
    memory = opened()
    memory.remember(history(ids=False))
    snapshot = memory._archive.snapshot()
    record = snapshot.turn("t2")
    assert record is not None
    memory.forget(turn="t2")
    assert record.digest.encode() not in raw(url)
    assert forget_key.encode() not in raw(url)
    tombstone = keyed_digest(record.digest)
    assert tombstone is not None
    assert tombstone.encode() in raw(url), "with the key, the digest is that of the very turn"


def test_another_key_knows_no_tombstone(opened: Open, monkeypatch: pytest.MonkeyPatch, url: str):
    memory = opened()
    memory.remember(history(ids=False))
    memory.forget(turn="t2")
    monkeypatch.setenv(KEY_VARIABLE, "another key")
    memory.remember(Turn("user", SECRET))
    assert comes_back(memory, url), "documented: machines that share a store share the key"


# ---- the key's file ------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key lies if no variable names one."""
    monkeypatch.delenv(KEY_VARIABLE)
    path = tmp_path / "data" / "forget.key"
    monkeypatch.setattr(tombstones, "_key_file", lambda: path)
    return path


def test_the_key_is_made_once_and_is_the_owners_alone(key_file: Path):
    first = keyed_digest("digest")
    assert first is not None
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(key_file.read_bytes()) == 32
    assert keyed_digest("digest") == first
    assert [path.name for path in key_file.parent.iterdir()] == ["forget.key"]


def test_a_machine_that_cannot_keep_a_key_says_so_and_forgets_all_the_same(
    key_file: Path, opened: Open, url: str, caplog: pytest.LogCaptureFixture
):
    key_file.parent.write_text("no folder")
    memory = opened()
    turns = history(ids=False)
    memory.sync(turns)
    memory.forget(turn="t2")
    assert any(KEY_VARIABLE in message for message in caplog.messages)
    opened().sync([*turns, Turn("user", "More.")])
    assert not comes_back(memory, url), "in a host's list its place tells"


def test_nothing_is_written_beside_the_store_before_something_is_forgotten(
    key_file: Path, opened: Open
):
    memory = opened()
    memory.remember(history(ids=False))
    memory.remember(history(ids=False))
    assert not key_file.exists()


def test_another_process_with_the_same_user_knows_the_tombstone(tmp_path: Path):
    environment = {k: v for k, v in os.environ.items() if k != KEY_VARIABLE}
    environment |= {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    start = f"""
from optical_memory import OpticalMemory, Turn
memory = OpticalMemory("s", store="sqlite:///{tmp_path}/m.db", background=False)
memory.remember([Turn("user", "My PIN is 8412, remember it.")])
"""
    for end in ("memory.forget(turn='t0')", "print(memory.recall('PIN'))"):
        answer = subprocess.run(
            [sys.executable, "-c", start + end],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", ["sync", "remember"])
@pytest.mark.parametrize("ids", [False, True])
def test_a_file_under_another_name_or_with_another_beginning_brings_nothing_back(
    opened: Open, url: str, tmp_path: Path, verb: str, ids: bool
):
    messages = [
        {"role": turn.role, "content": turn.text} | ({"id": turn.id} if ids else {})
        for turn in history(ids=ids)
    ]
    new_first = [{"role": "user", "content": "Good morning."}, *messages[1:]]
    memory = opened()
    for name, content in (("a", messages), ("b", messages), ("c", messages[1:]), ("d", new_first)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        turns = load_file(tmp_path / f"{name}.json").conversations[0].turns
        new_ids = getattr(memory, verb)(turns)
        if name == "a":
            memory.forget(turn=new_ids[2])
        assert not comes_back(memory, url)
    assert memory.recall("Good morning", 1)[0].text == "Good morning."

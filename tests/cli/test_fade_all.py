"""The command fade with a term, for one session and for all sessions of a store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.secret_turn import raw
from support.shell import Shell


def filled(shell: Shell, folder: Path, names: tuple[str, ...]) -> None:
    """Sessions with an old turn and a new one each; none fills a page."""
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    new = datetime.now(UTC).isoformat()
    file = folder / "talk.json"
    messages = [
        {"role": "user", "content": "The zorblax code is QX-7731.", "timestamp": old},
        {"role": "user", "content": "The lamp is green.", "timestamp": new},
    ]
    file.write_text(json.dumps(messages), encoding="utf-8")
    for name in names:
        shell.json("remember", str(file), "--session", name)


def test_a_daily_job_erases_old_turns_of_every_session(shell: Shell, tmp_path: Path):
    filled(shell, tmp_path, ("alice", "bob", "[/x]"))
    code, _, err = shell.on_store("fade", "--all", "--keep-days", "30")
    assert (code, "1 turns past their term: add --yes" in err) == (1, True)
    planned = shell.json("fade", "--all", "--keep-days", "30", "--dry-run")
    assert [row["turns"] for row in planned["rows"]] == [1, 1, 1]
    answer = shell.json("fade", "--all", "--keep-days", "30", "--yes")
    assert [row["session"] for row in answer["rows"]] == ["[/x]", "alice", "bob"]
    assert b"zorblax" not in raw(shell.store)
    code, out, _ = shell.on_store("fade", "--all", "--keep-days", "30", "--yes")
    assert (code, "3 sessions" in out) == (0, True)
    assert shell.json("stats", "--session", "bob")["open_turns"] == 1


def test_a_session_alone_is_erased_and_others_stay(shell: Shell, tmp_path: Path):
    filled(shell, tmp_path, ("alice", "bob"))
    answer = shell.json("fade", "--keep-days", "30", "--session", "bob", "--yes")
    assert answer["lost"]["turns"] == 1
    assert b"zorblax" in raw(shell.store)


def test_a_store_without_sessions_has_nothing_to_fade(shell: Shell):
    assert shell.json("fade", "--all", "--keep-days", "30")["rows"] == []


@pytest.mark.parametrize("days", ["0", "-1", "99999999999", "ten"])
def test_a_term_that_is_none_is_refused(shell: Shell, days: str):
    assert shell.on_store("fade", "--keep-days", days)[0] == 2

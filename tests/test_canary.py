"""Nothing secret in logs and errors: every verb and command runs, well and badly, with words and a
password that must be found nowhere but where they belong.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.all_fields import all_fields
from support.failing_store import StoreThatMayFail
from support.shell import Shell

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.agents import compress
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.recall_answers import recall_answer
from optical_memory.loaders import load_file
from optical_memory.session.records import PageRecord, TurnRecord
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader
from optical_memory.turns import Attachment, ToolCall

CANARY = "zqcanaryzq"
PASSWORD = "pwcanarypw"
CALL = ToolCall("find", json.dumps({"q": CANARY}), "c1")
PICTURE = Attachment("image", f"https://x.io/{CANARY}.png", CANARY)
TURN = Turn("user", f"The word is {CANARY}.", CANARY, None, "m1", (CALL,), None, (PICTURE,))


class Watch:
    """Collects everything that a log or an error reporter could send away."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self.problems: list[str] = []
        self.n_errors = 0

    def call(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's result; None if it raises, and then its whole chain is looked at."""
        result = None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - whatever comes is looked at
            self.n_errors += 1
            self._look(f"the error of {name}", _chain(error))
        self._look(f"the log of {name}", self._caplog.text)
        self._caplog.clear()
        return result

    def _look(self, place: str, words: str) -> None:
        lines = [line for line in words.splitlines() if CANARY in line or PASSWORD in line]
        self.problems += [f"{place}: {line[:300]}" for line in lines]


def _chain(error: BaseException) -> str:
    """Every link, with the lines of code that a traceback shows, and with its arguments."""
    words = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        words += f"\n{type(link).__name__}: {link}\n{link!r}"
        link = link.__cause__ or link.__context__
    return words


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture) -> Watch:
    caplog.set_level(logging.DEBUG)
    return Watch(caplog)


def open_memory(store: Any, **settings: Any) -> OpticalMemory:
    defaults: dict[str, Any] = {
        "background": False,
        "semantic": None,
        "keep_turns": 2,
        "reader": TemplateReader(),
    }
    return OpticalMemory("alice", store=store, **(defaults | settings))


def turns(n: int = 40) -> list[Turn]:
    return [TURN, *(Turn("user", f"{CANARY} {i} is on shelf {i}.") for i in range(n))]


def verbs(memory: OpticalMemory, folder: Path) -> dict[str, Callable[[], Any]]:
    """Every public verb, with arguments that are right and arguments that are wrong."""
    wrong: Any = {"text": CANARY}
    return {
        "remember": lambda: memory.remember(turns()),
        "flush": memory.flush,
        "sync": lambda: memory.sync(
            [{"role": "user", "content": f"{CANARY} {i}"} for i in range(9)]
        ),
        "recall": lambda: memory.recall(CANARY, deadline=5),
        "context": lambda: memory.context(CANARY, 500),
        "read": lambda: memory.read("0000000"),
        "inspect": lambda: memory.inspect("0000000"),
        "picture": lambda: memory.picture("0000000"),
        "stats": memory.stats,
        "check": lambda: memory.check(repair=True),
        "plan": lambda: memory.plan(10),
        "export": lambda: memory.export(folder / "x.zip"),
        "feedback": lambda: memory.feedback("m1"),
        "supersede": lambda: memory.supersede("m1", by=Turn("user", f"now {CANARY}", id="m2")),
        "tools": lambda: [recall_answer(memory, CANARY), recall_answer(memory, None, page=1)],
        "fade": lambda: memory.fade(10),
        "forget": lambda: memory.forget(turn="m2"),
        "remember, swapped": lambda: memory.remember(Turn(CANARY, "user")),  # type: ignore[arg-type]
        "remember, a text": lambda: memory.remember(f"a text {CANARY}"),  # type: ignore[arg-type]
        "remember, a dict": lambda: memory.remember(wrong),
        "remember, wrong fields": lambda: memory.remember(Turn("user", wrong, id=CANARY)),
        "remember, wrong calls": lambda: memory.remember(Turn("user", "x", tool_calls=wrong)),
        "remember, wrong time": lambda: memory.remember(Turn("user", CANARY, when=wrong)),
        "sync, a text": lambda: memory.sync(CANARY),
        "sync, no messages": lambda: memory.sync([wrong, {"role": CANARY, "content": [CANARY]}]),
        "sync, wrong content": lambda: memory.sync([{"role": "user", "content": {CANARY: 1}}]),
        "recall, wrong": lambda: memory.recall(wrong),
        "recall, k": lambda: memory.recall(CANARY, 0),
        "context, budget": lambda: memory.context(CANARY, 1),
        "read, none": lambda: memory.read("none"),
        "forget, none": lambda: memory.forget(turn="none"),
        "supersede, wrong": lambda: memory.supersede("m1", by=wrong),
        "compress": lambda: compress([{"role": "user", "content": f"{CANARY} " * 400}], 10),
        "compress, wrong": lambda: compress([{"role": "user", "content": 3, "x": CANARY}], 10),
        "hook": lambda: hook_answer(lambda id: memory, json.dumps({"prompt": CANARY})),
        "forget, session": lambda: memory.forget(session=True),
    }


def test_every_verb_that_succeeds_or_is_refused(watch: Watch, tmp_path: Path):
    memory = open_memory(f"sqlite:///{tmp_path}/memory.db")
    for name, verb in verbs(memory, tmp_path).items():
        watch.call(name, verb)
    watch.call("repr", lambda: logging.getLogger("x").error("%r %s", memory, memory))
    assert watch.problems == []
    assert watch.n_errors >= 12


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError(5, "I/O")])
def test_every_verb_on_a_store_that_fails(watch: Watch, tmp_path: Path, error: Exception):
    sqlite = SQLiteStore(tmp_path / "memory.db")
    store: Any = StoreThatMayFail(sqlite)
    memory = open_memory(store)
    memory.remember(turns())
    memory.flush()
    for name, verb in verbs(memory, tmp_path).items():
        store.error = error
        watch.call(name, verb)
    assert watch.problems == []
    assert watch.n_errors >= 20


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        *(("session", "types"), ("turn", "cut"), ("turn", "types"), ("page", "cut")),
        *(("page", "types"), ("index", "bytes"), ("picture", "bytes")),
    ],
)
def test_records_that_are_damaged(watch: Watch, tmp_path: Path, kind: str, damage: str):
    memory = open_memory(f"sqlite:///{tmp_path}/memory.db", retain="text")
    memory.remember(turns(25))
    memory.flush()
    memory.close()
    with sqlite3.connect(tmp_path / "memory.db") as database:
        for row, value in database.execute(
            "SELECT rowid, value FROM records WHERE kind = ?", (kind,)
        ).fetchall():
            database.execute(
                "UPDATE records SET value = ? WHERE rowid = ?", (_damaged(value, damage), row)
            )
    database.close()
    memory = open_memory(f"sqlite:///{tmp_path}/memory.db", retain="text")
    for name, verb in verbs(memory, tmp_path).items():
        watch.call(name, verb)
    assert watch.problems == []


def _damaged(value: bytes, damage: str) -> bytes:
    if damage == "cut":
        end = value.find(CANARY.encode()) + len(CANARY)
        return value[:end] if CANARY.encode() in value else value[:40]
    if damage == "bytes" or not value.startswith(b"{"):
        return CANARY.encode() + b"\xff" + value[9:]
    record = json.loads(value)
    record.pop("sum", None)
    words = {name: CANARY for name in record if name != "v"}
    return json.dumps(words).encode()


def test_a_page_whose_parts_are_of_other_types(watch: Watch, tmp_path: Path):
    """The record parses, and what is in its layout, ledger or certificate does not."""
    url = f"sqlite:///{tmp_path}/memory.db"
    memory = open_memory(url)
    memory.remember(turns(25))
    memory.flush()
    record = next(iter(memory._archive.snapshot().pages.values()))
    for field in ("layout", "ledger", "certificate"):
        for part in (CANARY, [CANARY], {CANARY: CANARY}):
            whole = getattr(record, field) or {}
            spoilt = record.model_copy(update={field: dict.fromkeys(whole, part) or {"x": part}})
            memory._archive.store.commit("alice", [_put(spoilt)])
            memory = open_memory(url)
            for name in ("read", "inspect", "recall", "context", "stats", "check", "plan", "fade"):
                watch.call(f"{name} {field}", verbs(memory, tmp_path)[name])
    assert watch.problems == []
    assert watch.n_errors > 0


def _put(record: PageRecord) -> Any:
    from optical_memory.session.records import put

    return put(record)


def test_a_reader_and_a_redaction_that_fail(watch: Watch, tmp_path: Path):
    class Failing(TemplateReader):
        def decode(self, *arguments: Any, **options: Any) -> Any:
            raise RuntimeError("the model ran out of memory")

    def redact(turn: Turn) -> Turn:
        raise LookupError("no rule")

    memory = open_memory(f"sqlite:///{tmp_path}/memory.db", reader=Failing())
    watch.call("remember", lambda: memory.remember(turns()))
    watch.call("flush", memory.flush)
    watch.call("recall", lambda: memory.recall(CANARY))
    other = open_memory(f"sqlite:///{tmp_path}/memory.db", redact=redact)
    watch.call("remember, redact", lambda: other.remember(turns()))
    assert watch.problems == []


@pytest.mark.parametrize(
    "content",
    [
        b"zqcanaryzq",
        b'{"zqcanaryzq": ',
        b'[{"role": "zqcanaryzq", "content": 5}]',
        b'[{"role": "user", "content": "zqcanaryzq"}, 5]',
        b'{"messages": {"zqcanaryzq": [1]}}',
        b'{"role": "user", "content": "zqcanaryzq"}\n{"role": zqcanaryzq}\n',
        b"zqcanaryzq,b\n1,zqcanaryzq\n",
        b"\xff\xfezqcanaryzq\xd8\x00",
        b"PK\x03\x04zqcanaryzq",
        b"\x1f\x8bzqcanaryzq",
        b"<html>zqcanaryzq</html>",
        b"[" * 5000 + b'"zqcanaryzq"',
    ],
)
def test_files_that_cannot_be_read(watch: Watch, tmp_path: Path, content: bytes):
    for suffix in (".json", ".jsonl", ".txt", ".md", ".zip", ".csv", ".html"):
        file = tmp_path / f"talk{suffix}"
        file.write_bytes(content)
        watch.call(f"load {suffix}", lambda file=file: load_file(file))
        watch.call(
            f"restore {suffix}",
            lambda file=file: OpticalMemory.restore(file, store=f"sqlite:///{tmp_path}/r.db"),
        )
    assert watch.problems == []


# ---- values, and tracebacks that show them -------------------------------------------------------


def test_no_value_inside_shows_its_words(tmp_path: Path):
    memory = open_memory(f"sqlite:///{tmp_path}/memory.db", retain="text")
    memory.remember(turns())
    memory.flush()
    snapshot = memory._archive.snapshot()
    values = [
        *(TurnRecord.of(TURN, "m1", 0), snapshot, snapshot.session),
        *(snapshot.pages["0000000"], memory, memory.store, memory.stats(), memory.pages()),
        *(memory._archive, memory._host_list, memory._redaction, memory._upkeep),
    ]
    assert CANARY in all_fields(values)
    assert [value for value in values if CANARY in repr(value) or CANARY in str(value)] == []
    assert snapshot.session.salt not in repr(snapshot.session)


def test_a_value_that_people_hold_shows_its_words_like_any_other():
    assert "text='hello'" in repr(Turn("user", "hello"))


# ---- commands ------------------------------------------------------------------------------------


def test_commands_tell_no_password_and_no_words_of_others(
    watch: Watch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("OPTICAL_MEMORY_READER", "optical_memory.testing:TemplateReader")
    shell = Shell(tmp_path, capsys)
    file = tmp_path / "talk.json"
    file.write_text(json.dumps([{"role": "user", "content": f"{CANARY} {i}"} for i in range(30)]))
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text(f'[{{"role": "{CANARY}", "content": {{"{CANARY}": 1}}}}]')
    shell.json("remember", str(file))
    for url in (
        *(f"mysql://ana:{PASSWORD}@host", f"redis://ana:{PASSWORD}/x@host:1", shell.store),
    ):
        for words in (
            *(["stats"], ["check"], ["fade", "--all"], ["forget", "--turn", "none"]),
            *(["remember", str(spoilt)], ["import", str(spoilt)], ["inspect", "99"]),
        ):
            monkeypatch.setenv("OPTICAL_MEMORY_STORE", url)
            _, out, err = shell.run(*words)
            watch.call(" ".join(words), lambda out=out, err=err: _raise_words(out + err))
    monkeypatch.setenv("OPTICAL_MEMORY_STORE", f"redis://ana:{PASSWORD}@127.0.0.1:1")
    _, out, err = shell.run("stats")  # a server that is down is waited for
    watch.call("stats", lambda: _raise_words(out + err))
    assert watch.problems == []


def _raise_words(words: str) -> None:
    """For the watch, which looks at errors."""
    raise ValueError(words)


def test_a_policy_and_its_error_have_no_words(watch: Watch):
    watch.call("policy", lambda: ForgettingPolicy(floor=2))
    assert watch.problems == []
